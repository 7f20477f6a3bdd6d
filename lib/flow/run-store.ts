import { join } from 'node:path';
import { asCoffreError, type CoffreError, type ErrorCode } from '../model/error.ts';
import type { HostConfig } from '../model/inventory.ts';
import type { Copy } from '../model/manifest.ts';
import type { RunId } from '../model/run-id.ts';
import { assertFolderWritable, assertStoreMounted } from '../storage/store-guard.ts';
import type { StoreLock } from '../storage/store-lock.ts';
import { makeFolder } from '../system/files.ts';
import type { BackupContext } from './backup-context.ts';
import { claimStore } from './claim-store.ts';

/** Folder of the export in which whole runs wait for their store, in the form of the store. */
const WAITING = '.owed-to-store';

/** What keeps a store from being used tonight, and may be over tomorrow. */
const UNAVAILABLE: readonly ErrorCode[] = [
  'store-unreachable',
  'disk-failed',
  'refused',
  'write-failed',
  'no-space',
  'locked',
];

/** The host as a run sees it whose store was not to be had: a folder of the export stands in for it. */
export function withStandIn(host: HostConfig): HostConfig {
  const store = { ...host.store, path: join(host.export.path, WAITING), mount: 'none', source: undefined };
  return { ...host, store: { ...store, readBack: false } };
}

/** What becomes of the store's copy where something stands in for the store. */
export function asOwed(copy: Copy): Copy {
  return copy.kind === 'store' ? { ...copy, state: 'owed', verified: null } : copy;
}

/** Where a run keeps its archives: the store of its host, or what stands in for it. */
export class RunStore {
  readonly #host: HostConfig;
  readonly #run: RunId;
  readonly #context: BackupContext;
  #lock: StoreLock | undefined;
  #lost: CoffreError | undefined;

  constructor(host: HostConfig, run: RunId, context: BackupContext) {
    this.#host = host;
    this.#run = run;
    this.#context = context;
  }

  /** With the store that this run writes to. */
  get host(): HostConfig {
    return this.#lost ? withStandIn(this.#host) : this.#host;
  }

  /** Why the store of the host cannot be used; undefined where it is. */
  get lost(): CoffreError | undefined {
    return this.#lost;
  }

  /** Throws what `claimStore` throws, where that ends the run. */
  async claim(): Promise<void> {
    try {
      this.#lock = await claimStore(this.#host, `the run ${this.#run}`, this.#context);
    } catch (error) {
      await this.goWithout(error);
    }
  }

  /** Whether the store has gone since it was claimed. One that has got full is there, and the run fails. */
  async hasGone(): Promise<CoffreError | undefined> {
    if (this.#lost) return undefined;
    return await assertStoreMounted(this.#host.store).then(
      () => undefined,
      (error: unknown) => {
        const gone = asCoffreError(error);
        return gone.code === 'no-space' ? undefined : gone;
      },
    );
  }

  /** Goes on in the export, or throws `error` where the inventory says so, or the export takes no run either. */
  async goWithout(error: unknown): Promise<void> {
    const { signal } = this.#context;
    const failure = asCoffreError(error);
    const { whenUnavailable } = this.#host.store;
    if (this.#lost || signal.aborted || whenUnavailable === 'fail' || !UNAVAILABLE.includes(failure.code)) throw error;
    await assertFolderWritable(this.#host.export.path).catch(() => {
      throw error;
    });
    await this.release();
    this.#lost = failure;
    await makeFolder(this.host.store.path, 0o700);
  }

  /** Throws `locked` when another host has taken the store meanwhile. */
  async assertHeld(): Promise<void> {
    await this.#lock?.assertHeld();
  }

  /** Whatever has become of the run: what stays of the lock the next run of this host takes away. */
  async release(): Promise<void> {
    const lock = this.#lock;
    this.#lock = undefined;
    await lock?.release().catch((error: unknown) => {
      const { message } = asCoffreError(error);
      const hint = 'the next run of this host takes it away';
      this.#context.emit({ kind: 'warning', subject: this.#host.name, text: message, hint });
    });
  }
}

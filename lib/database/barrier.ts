import type { SnapshotRecord } from '../model/snapshot-record.ts';
import type { Connection } from './connection.ts';
import { Session } from './session.ts';

export type BarrierKind = Exclude<SnapshotRecord['barrier'], 'single-dump'>;

export interface BarrierLimits {
  /** How long the server may be asked to wait for the lock, each time. */
  readonly lockWaitMs: number;
  /** How long commits may be held back. */
  readonly holdMs: number;
}

/**
 * Holds back commits for as long as it stands. First `holdSchema`, which blocks only changes of tables and lets
 * writers go on, so that objects can be counted; then `holdCommits`, for the moment in which every dump starts its
 * transaction. The server releases both when the session goes.
 *
 * `backup-stage` waits, while all others go on, for those that hold tables with LOCK TABLES, and for no running query.
 * `read-lock` is for servers without BACKUP STAGE (before 10.4.1): a long UPDATE makes it wait, and all other writers
 * behind it, so that there its wait counts as holding commits back. Nobody's query is ever ended.
 *
 * The server is a watchdog, too: it ends the session when nothing is heard of it for twice `holdMs`, so that a backup
 * that is stopped, or whose network is cut, holds nothing back for longer.
 */
export class Barrier {
  readonly kind: BarrierKind;
  readonly session: Session;
  readonly #limits: BarrierLimits;

  static async open(connection: Connection, kind: BarrierKind, limits: BarrierLimits): Promise<Barrier> {
    return new Barrier(await Session.open(connection), kind, limits);
  }

  private constructor(session: Session, kind: BarrierKind, limits: BarrierLimits) {
    this.session = session;
    this.kind = kind;
    this.#limits = limits;
  }

  /** Throws `lock-timeout` when another session keeps a lock for longer than the limit. */
  async holdSchema(): Promise<void> {
    if (this.kind === 'read-lock') return;
    await this.#wait(this.#limits.lockWaitMs);
    for (const stage of ['START', 'FLUSH', 'BLOCK_DDL']) {
      await this.#locked(`BACKUP STAGE ${stage}`, this.#limits.lockWaitMs);
    }
  }

  /** Throws `lock-timeout` as `holdSchema`, at the latest after `holdMs`. */
  async holdCommits(): Promise<void> {
    const waitMs = Math.min(this.#limits.lockWaitMs, this.#limits.holdMs);
    await this.#wait(waitMs);
    await this.session.execute(`SET SESSION wait_timeout = ${Math.ceil((2 * this.#limits.holdMs) / 1000)}`);
    await this.#locked(this.kind === 'read-lock' ? 'FLUSH TABLES WITH READ LOCK' : 'BACKUP STAGE BLOCK_COMMIT', waitMs);
  }

  /** Fails when the lock was lost meanwhile, because then the dumps may have started at different points. */
  async release(): Promise<void> {
    await this.session.execute(this.kind === 'read-lock' ? 'UNLOCK TABLES' : 'BACKUP STAGE END');
  }

  /** Releases it, whatever state it is in. */
  async close(): Promise<void> {
    await this.session.close();
  }

  async #wait(waitMs: number): Promise<void> {
    await this.session.execute(`SET SESSION lock_wait_timeout = ${Math.max(1, Math.ceil(waitMs / 1000))}`);
  }

  /** The server keeps to `lock_wait_timeout`; the session has some time more, for a server that is slow to say so. */
  async #locked(sql: string, waitMs: number): Promise<void> {
    await this.session.execute(sql, waitMs + 15_000);
  }
}

/** BACKUP STAGE is there from 10.4.1 on. */
export function barrierFor(serverVersion: string): BarrierKind {
  const [major = 0, minor = 0] = serverVersion.split('.').map((part) => Number.parseInt(part, 10));
  return major > 10 || (major === 10 && minor > 4) ? 'backup-stage' : 'read-lock';
}

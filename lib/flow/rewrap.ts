import type { KeyObject } from 'node:crypto';
import { asCoffreError, type ErrorCode } from '../model/error.ts';
import type { Emit } from '../model/event.ts';
import type { HostConfig, Inventory, Recipient } from '../model/inventory.ts';
import type { Copy, TrustedManifest } from '../model/manifest.ts';
import type { HostName } from '../model/names.ts';
import type { RunId } from '../model/run-id.ts';
import { wrapLater } from '../seal/envelope.ts';
import type { Passphrase } from '../seal/passphrase.ts';
import { describePublicKey } from '../seal/public-key.ts';
import { addedFile, labelOf } from './added-envelope.ts';
import type { CopyPlace } from './find-copy.ts';
import { passphraseOf } from './opening.ts';
import { readManifest } from './read-manifest.ts';

export interface RewrapOrder {
  /** A key that opens the runs. */
  readonly privateKey: KeyObject;
  /** Who becomes a recipient of them. */
  readonly recipients: readonly Recipient[];
  readonly inventory: Inventory;
  readonly hosts: readonly HostConfig[];
  /** Places, or folders; all places of each host if empty. */
  readonly from: readonly string[];
  /** The only run that counts; all of them if absent. */
  readonly run: RunId | undefined;
  readonly open: (host: HostConfig, place: string) => Promise<CopyPlace>;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

interface Trouble {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string | undefined;
}

/** What has been done at one place. */
export interface RewrappedPlace {
  readonly host: HostName;
  readonly place: string;
  /** Runs that got an envelope for somebody. */
  readonly added: readonly RunId[];
  /** Runs that every recipient could open before. */
  readonly present: readonly RunId[];
  /** Runs that are still to come here, by their manifest: they come without the new envelopes. */
  readonly owed: readonly RunId[];
  readonly failed: readonly ({ readonly run: RunId | null } & Trouble)[];
}

/**
 * Makes somebody a recipient of runs that are sealed already: unwraps the passphrase of each, and lays an envelope for each
 * new recipient beside each copy. No data is read, none is sent; nothing that is there is changed. Whatever is wrong of a copy is told of it, and
 * the others are done; what was done is not done again.
 */
export async function rewrap(order: RewrapOrder): Promise<readonly RewrappedPlace[]> {
  const places: RewrappedPlace[] = [];
  for (const host of order.hosts) {
    const own = ['store', 'export', ...host.offsite.map(({ name }) => `offsite:${name}`)];
    const passphrases = new Map<string, Passphrase>();
    const owed = new Map<string, Set<RunId>>();
    const done: RewrappedPlace[] = [];
    for (const place of order.from.length > 0 ? [...new Set(order.from)] : own) {
      order.signal.throwIfAborted();
      const from = performance.now();
      const subject = `${host.name} ${place}`;
      order.emit({ kind: 'phase-started', phase: 'rewrap', subject });
      done.push(await rewrapPlace(host, place, { order, passphrases, owed }));
      order.emit({ kind: 'phase-ended', phase: 'rewrap', subject, durationMs: Math.round(performance.now() - from) });
    }
    // What has come meanwhile was done with the place.
    for (const each of done) {
      const here = new Set([...each.added, ...each.present]);
      places.push({ ...each, owed: [...(owed.get(each.place) ?? [])].filter((run) => !here.has(run)).sort() });
    }
  }
  return places;
}

interface Memory {
  readonly order: RewrapOrder;
  /** By the digest of the manifest: so that each run is opened once. */
  readonly passphrases: Map<string, Passphrase>;
  readonly owed: Map<string, Set<RunId>>;
}

async function rewrapPlace(host: HostConfig, name: string, memory: Memory): Promise<RewrappedPlace> {
  const { order } = memory;
  const [added, present, failed]: [RunId[], RunId[], RewrappedPlace['failed'][number][]] = [[], [], []];
  const fail = (run: RunId | null, thrown: unknown) => {
    order.signal.throwIfAborted();
    const { code, message, hint } = asCoffreError(thrown);
    if (code === 'usage') throw thrown;
    failed.push({ run, code, message, hint });
  };
  let place: CopyPlace | undefined;
  try {
    place = await order.open(host, name);
    for (const run of await place.listRuns()) {
      order.signal.throwIfAborted();
      if (order.run !== undefined && run !== order.run) continue;
      try {
        if (await rewrapRun(host, place, run, memory)) added.push(run);
        else present.push(run);
      } catch (thrown) {
        fail(run, thrown);
      }
    }
  } catch (thrown) {
    fail(null, thrown);
  } finally {
    place?.close();
  }
  return { host: host.name, place: name, added, present, owed: [], failed };
}

/** True when anything was added. */
async function rewrapRun(host: HostConfig, place: CopyPlace, run: RunId, memory: Memory): Promise<boolean> {
  const { privateKey, recipients, inventory } = memory.order;
  const reader = await place.openRun(run);
  if (!reader) return false; // retention has just taken it
  const signed = await readManifest(reader, host.name, run, inventory.allowedSigners);
  noteOwed(signed, memory.owed);
  const names = new Set(await reader.list());
  const sealedFor = new Set(signed.manifest.recipients.map(({ fingerprint }) => fingerprint));
  const wanted = recipients.flatMap(({ name, publicKey }) => {
    const { fingerprint } = describePublicKey(publicKey, name);
    const file = addedFile(name, fingerprint);
    return sealedFor.has(fingerprint) || names.has(file) ? [] : [{ file, publicKey }];
  });
  if (wanted.length === 0) return false;
  if (!place.addFile) throw new Error(`no file can be added to a finished run in ${place.name}`);
  const known = memory.passphrases.get(signed.sha256);
  const passphrase = known ?? (await passphraseOf({ kind: 'key', privateKey }, signed, reader, inventory));
  memory.passphrases.set(signed.sha256, passphrase);
  for (const { file, publicKey } of wanted) {
    await place.addFile(run, file, wrapLater(publicKey, passphrase, labelOf(signed)));
  }
  return true;
}

function noteOwed({ manifest: { run, copies } }: TrustedManifest, owed: Map<string, Set<RunId>>): void {
  for (const copy of copies) {
    if (copy.state === 'owed') owed.set(nameOf(copy), (owed.get(nameOf(copy)) ?? new Set()).add(run));
  }
}

function nameOf({ kind, offsite }: Pick<Copy, 'kind' | 'offsite'>): string {
  return kind === 'offsite' ? `offsite:${offsite}` : kind;
}

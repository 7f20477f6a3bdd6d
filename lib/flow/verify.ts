import { asCoffreError, CoffreError } from '../model/error.ts';
import type { Emit } from '../model/event.ts';
import type { HostConfig, Inventory } from '../model/inventory.ts';
import type { TrustedManifest } from '../model/manifest.ts';
import type { HostName } from '../model/names.ts';
import type { RunId } from '../model/run-id.ts';
import { assertStoreReadable } from '../storage/store-guard.ts';
import { type CopyPlace, openPlace } from './find-copy.ts';
import { meterOf } from './metered.ts';
import { missingCopies } from './missing-copies.ts';
import { readManifest } from './read-manifest.ts';
import { type CopyCheck, verifyRun } from './verify-run.ts';
import type { SegmentChoice } from './verify-sealed-file.ts';

export type WantedRuns =
  | { readonly kind: 'all' }
  /** The newest at each place. */
  | { readonly kind: 'latest' }
  | { readonly kind: 'one'; readonly run: RunId };

export interface VerifyOrder {
  readonly inventory: Inventory;
  readonly hosts: readonly HostConfig[];
  /** `store`, `export`, `offsite:<name>` or a folder; all places of each host if empty. */
  readonly from: readonly string[];
  readonly runs: WantedRuns;
  /** How many segments of each sealed file are read; null: all of them. */
  readonly sample: number | null;
  /** A random whole number from 0 to one below `limit`. */
  readonly random: (limit: number) => number;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

/** What kept a copy or a place from being read. */
export type Trouble = Pick<CoffreError, 'code' | 'message' | 'hint'>;

/** A copy of a run, and what it is worth. */
export type CopyVerdict =
  /** Whole, or damaged where it has findings. */
  | ({ readonly kind: 'compared'; readonly run: RunId } & CopyCheck)
  /** Nobody vouches for it: there is no manifest, or one that must not be believed. */
  | { readonly kind: 'untrusted'; readonly run: RunId; readonly why: string; readonly hint?: string }
  /** A manifest says that it is there, and it is not. */
  | { readonly kind: 'missing'; readonly run: RunId }
  | { readonly kind: 'unread'; readonly run: RunId; readonly error: Trouble };

/** Whether it is not what it should be; of one that could not be read nobody knows. */
export function isBadCopy(copy: CopyVerdict): boolean {
  return copy.kind === 'compared' ? copy.findings.length > 0 : copy.kind !== 'unread';
}

export interface PlaceVerdict {
  readonly host: HostName;
  readonly place: string;
  /** The oldest first. */
  readonly copies: readonly CopyVerdict[];
  /** Why the place could not be looked at. */
  readonly error: Trouble | null;
}

/**
 * Compares the copies of hosts with the signed manifests that lie beside them, place by place. Each byte is read here: what a
 * foreign server says of its files is no proof. Never throws for what it finds, only `usage`, `not-found` for a run that is
 * nowhere, and `interrupted`.
 */
export async function verify(order: VerifyOrder): Promise<readonly PlaceVerdict[]> {
  const verdicts: PlaceVerdict[] = [];
  for (const host of order.hosts) verdicts.push(...(await verifyHost(host, order)));
  const { runs, hosts } = order;
  const isThere = verdicts.some(({ copies, error }) => error !== null || copies.length > 0);
  if (runs.kind !== 'one' || isThere) return verdicts;
  throw new CoffreError('not-found', `cannot find the run ${runs.run} of ${hosts.map(({ name }) => name).join(', ')}`, {
    hint: 'see what is there: npx zx tasks/list.ts',
  });
}

interface Looked extends PlaceVerdict {
  readonly runs: readonly RunId[];
}

/** By run: the first manifest of it that is trusted, and where it lies. */
type Trusted = Map<RunId, { readonly manifest: TrustedManifest; readonly place: string }>;

async function verifyHost(host: HostConfig, order: VerifyOrder): Promise<readonly PlaceVerdict[]> {
  const own = ['store', 'export', ...host.offsite.map(({ name }) => `offsite:${name}`)];
  const trusted: Trusted = new Map();
  const looked: Looked[] = [];
  for (const place of order.from.length > 0 ? [...new Set(order.from)] : own) {
    order.signal.throwIfAborted();
    looked.push(await verifyPlace(host, place, trusted, order));
  }
  const missing = missingCopies(
    [...trusted.values()].map(({ manifest }) => manifest.manifest),
    looked.filter(({ error }) => error === null),
    host.retention,
  ).filter(({ run }) => order.runs.kind !== 'one' || order.runs.run === run);
  const late = new Map<string, CopyVerdict[]>();
  for (const { place, run } of missing) {
    // A run that is ending appears in the store first: what was on its way has come by now.
    const { copies } = await verifyPlace(host, place, trusted, { ...order, runs: { kind: 'one', run } });
    late.set(place, [
      ...(late.get(place) ?? []),
      ...(copies.length > 0 ? copies : [{ kind: 'missing', run } as const]),
    ]);
  }
  return looked.map(({ host, place, copies, error }) => {
    const all = [...copies, ...(late.get(place) ?? [])];
    return { host, place, copies: all.sort((a, b) => (a.run < b.run ? -1 : 1)), error };
  });
}

async function verifyPlace(host: HostConfig, name: string, trusted: Trusted, order: VerifyOrder): Promise<Looked> {
  const copies: CopyVerdict[] = [];
  let opened: CopyPlace | undefined;
  let runs: readonly RunId[] = [];
  const failed = (error: unknown): Looked => {
    order.signal.throwIfAborted();
    const trouble = troubleOf(error);
    if (trouble.code === 'usage') throw error;
    return { host: host.name, place: name, runs, copies, error: trouble };
  };
  try {
    if (name === 'store') await assertStoreReadable(host.store);
    const place = await openPlace(host, name, order.signal);
    opened = place;
    runs = await place.listRuns();
    for (const run of wantedAmong(runs, order.runs)) {
      const from = performance.now();
      const subject = `${run} in ${name}`;
      order.emit({ kind: 'phase-started', phase: 'verify', subject });
      const copy = await verifyCopy(host, place, run, trusted, order);
      copies.push(copy);
      const durationMs = Math.round(performance.now() - from);
      order.emit({ kind: 'phase-ended', phase: 'verify', subject, durationMs });
      // What is cut off has nothing more to say; of one bad file or disk the other runs may not know.
      if (copy.kind === 'unread' && copy.error.code === 'offsite-unreachable')
        return { host: host.name, place: name, runs, copies, error: copy.error };
    }
    return { host: host.name, place: name, runs, copies, error: null };
  } catch (error) {
    return failed(error);
  } finally {
    opened?.close();
  }
}

function wantedAmong(runs: readonly RunId[], wanted: WantedRuns): readonly RunId[] {
  switch (wanted.kind) {
    case 'all':
      return runs;
    case 'latest':
      return runs.slice(-1);
    case 'one':
      return runs.filter((run) => run === wanted.run);
  }
}

async function verifyCopy(
  host: HostConfig,
  place: CopyPlace,
  run: RunId,
  trusted: Trusted,
  { inventory: { allowedSigners }, sample, random, emit, signal }: VerifyOrder,
): Promise<CopyVerdict> {
  try {
    const reader = await place.openRun(run);
    if (!reader) return { kind: 'missing', run };
    const manifest = await readManifest(reader, host.name, run, allowedSigners);
    const other = trusted.get(run);
    if (other && other.manifest.sha256 !== manifest.sha256) {
      return { kind: 'untrusted', run, why: `its manifest is signed, and another than the one of ${other.place}` };
    }
    trusted.set(run, { manifest, place: place.name });
    const { archives, dayArchive } = manifest.manifest;
    const each = archives.reduce((sum, { sealedBytes }) => sum + sealedBytes, 0);
    const whole = place.name === 'store' ? each : (dayArchive?.sealedBytes ?? each);
    const totalBytes = sample === null ? whole : null;
    const watch = meterOf({ emit, signal, phase: 'verify', subject: `${run} in ${place.name}`, totalBytes });
    const choose: SegmentChoice = (total) => (sample === null ? null : pick(sample, total, random));
    return { kind: 'compared', run, ...(await verifyRun(reader, manifest, { allowedSigners, choose, watch })) };
  } catch (error) {
    signal.throwIfAborted();
    const trouble = troubleOf(error);
    if (trouble.code === 'verification-failed') {
      const { message: why, hint } = trouble;
      return { kind: 'untrusted', run, why, ...(hint === undefined ? {} : { hint }) };
    }
    return { kind: 'unread', run, error: trouble };
  }
}

/** `count` different numbers below `total`, sorted: all of them where there are no more. */
function pick(count: number, total: number, random: (limit: number) => number): readonly number[] {
  if (count >= total) return Array.from({ length: total }, (_, index) => index);
  const picked = new Set<number>();
  while (picked.size < count) picked.add(random(total));
  return [...picked].sort((a, b) => a - b);
}

function troubleOf(error: unknown): Trouble {
  const { code, message, hint } = asCoffreError(error);
  return { code, message, hint };
}

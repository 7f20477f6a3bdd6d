import { type PublishedBytes, readPublished } from '../audit/read-published.ts';
import { verifyHostRecord } from '../audit/verify-host-record.ts';
import { verifyManifest } from '../audit/verify-signature.ts';
import { asCoffreError, CoffreError } from '../model/error.ts';
import type { HostConfig, Inventory } from '../model/inventory.ts';
import type { Manifest, TrustedManifest } from '../model/manifest.ts';
import type { HostRecord } from '../model/record.ts';
import type { RecordHeader } from '../model/record-header.ts';
import type { RunId } from '../model/run-id.ts';
import { sourceOf } from './audit-source.ts';
import { openPlace } from './find-copy.ts';
import { readManifest } from './read-manifest.ts';

/** A run at one place. What a manifest says that cannot be trusted is not passed on. */
export type ListedRun =
  | { readonly run: RunId; readonly trust: 'signed'; readonly manifest: Manifest }
  | { readonly run: RunId; readonly trust: 'untrusted'; readonly why: string };

/** A record of a host that is none of a run. */
export type ListedRecord = {
  readonly name: RunId;
  readonly kind: string;
} /** Of one that a newer coffre has written, the header. */ & (
  | { readonly trust: 'signed'; readonly record: HostRecord | RecordHeader }
  | { readonly trust: 'untrusted'; readonly why: string }
);

/** What the audit repository has of a host: its runs, and what else it has put on record. The newest first. */
export async function listPublished(
  host: HostConfig,
  inventory: Inventory,
): Promise<{ readonly runs: readonly ListedRun[]; readonly records: readonly ListedRecord[] }> {
  const published = await readPublished(await sourceOf(host), host.name);
  const runs: ListedRun[] = [];
  const records: ListedRecord[] = [];
  const claim = { allowedSigners: inventory.allowedSigners, host: host.name };
  for (const { kind, name, bytes, signature } of published) {
    if (kind === 'backup')
      runs.push(await judge(name, () => verifyManifest({ bytes, signature, run: name, ...claim })));
    else records.push(await judgeRecord({ kind, name, bytes, signature }, claim));
  }
  return { runs: runs.reverse(), records: records.reverse() };
}

/** The runs of a host at `from`, the newest first: `store`, `export`, `offsite:<name>`, `audit`, or a folder. */
export async function listRuns(
  host: HostConfig,
  inventory: Inventory,
  from: string,
  signal: AbortSignal,
): Promise<readonly ListedRun[]> {
  if (from === 'audit') return (await listPublished(host, inventory)).runs;
  return (await listStored(host, inventory, from, signal)).reverse();
}

async function listStored(
  host: HostConfig,
  inventory: Inventory,
  from: string,
  signal: AbortSignal,
): Promise<ListedRun[]> {
  const place = await openPlace(host, from, signal);
  try {
    const listed: ListedRun[] = [];
    for (const run of await place.listRuns()) {
      const reader = await place.openRun(run);
      if (reader) listed.push(await judge(run, () => readManifest(reader, host.name, run, inventory.allowedSigners)));
    }
    return listed;
  } finally {
    place.close();
  }
}

async function judge(run: RunId, read: () => Promise<TrustedManifest>): Promise<ListedRun> {
  try {
    return { run, trust: 'signed', manifest: (await read()).manifest };
  } catch (error) {
    const failure = asCoffreError(error);
    if (failure instanceof CoffreError && failure.code !== 'verification-failed') throw failure;
    return { run, trust: 'untrusted', why: failure.message };
  }
}

async function judgeRecord(
  published: PublishedBytes,
  claim: { readonly allowedSigners: string; readonly host: HostConfig['name'] },
): Promise<ListedRecord> {
  const { kind, name } = published;
  try {
    const signed = await verifyHostRecord({ ...published, ...claim });
    return { name, kind, trust: 'signed', record: 'record' in signed ? signed.record : signed.header };
  } catch (error) {
    const failure = asCoffreError(error);
    if (failure.code !== 'verification-failed') throw failure;
    return { name, kind, trust: 'untrusted', why: failure.message };
  }
}

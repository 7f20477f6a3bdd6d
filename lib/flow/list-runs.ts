import { readPublished } from '../audit/read-published.ts';
import { verifyManifest } from '../audit/verify-signature.ts';
import { asCoffreError, CoffreError } from '../model/error.ts';
import type { HostConfig, Inventory } from '../model/inventory.ts';
import type { Manifest, TrustedManifest } from '../model/manifest.ts';
import type { RunId } from '../model/run-id.ts';
import { sourceOf } from './audit-source.ts';
import { openPlace } from './find-copy.ts';
import { readManifest } from './read-manifest.ts';

/** A run at one place. What a manifest says that cannot be trusted is not passed on. */
export type ListedRun =
  | { readonly run: RunId; readonly trust: 'signed'; readonly manifest: Manifest }
  | { readonly run: RunId; readonly trust: 'untrusted'; readonly why: string };

/** The runs of a host at `from`, the newest first: `store`, `export`, `offsite:<name>`, `audit`, or a folder. */
export async function listRuns(
  host: HostConfig,
  inventory: Inventory,
  from: string,
  signal: AbortSignal,
): Promise<readonly ListedRun[]> {
  const listed =
    from === 'audit' ? await listPublished(host, inventory) : await listStored(host, inventory, from, signal);
  return listed.reverse();
}

async function listPublished(host: HostConfig, inventory: Inventory): Promise<ListedRun[]> {
  const { allowedSigners } = inventory;
  const source = await sourceOf(host);
  const listed: ListedRun[] = [];
  for (const { run, bytes, signature } of await readPublished(source, host.name)) {
    listed.push(await judge(run, () => verifyManifest({ bytes, signature, allowedSigners, host: host.name, run })));
  }
  return listed;
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

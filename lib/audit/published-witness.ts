import { runGit, tryGit } from '../system/git.ts';
import { readTree, type TreeEntry } from './git-objects.ts';
import { type Chain, folderOf, isOfChain, placeOf } from './paths.ts';
import type { Blob } from './publication-blobs.ts';

/** What of a chain was published and is gone from the remote, or is something else there now. */
export interface Lost {
  readonly missing: readonly TreeEntry[];
  /** Paths. */
  readonly changed: readonly string[];
}

/** What this machine last saw on the remote, after it had published to this chain: the witness of a rewritten history. */
function witnessOf(chain: Chain): string {
  return chain.of === 'manifests' ? 'refs/coffre/published' : `refs/coffre/drills/${chain.host}`;
}

/** Keeps `treeish`, a commit or a tree with the chain at its place, as what was seen last. */
export async function keepWitness(repository: string, chain: Chain, treeish: string): Promise<void> {
  await runGit(['update-ref', witnessOf(chain), treeish], { cwd: repository });
}

/** What was there when this machine looked last, and is gone or different in `now`. */
export async function readLost(repository: string, chain: Chain, now: readonly TreeEntry[]): Promise<Lost> {
  const before = ofChain(await readWitness(repository, chain), chain);
  const objectAt = new Map(now.map((entry) => [entry.path, entry.object]));
  return {
    missing: before.filter((entry) => !objectAt.has(entry.path)),
    changed: before.filter(({ path, object }) => (objectAt.get(path) ?? object) !== object).map(({ path }) => path),
  };
}

/** Paths of `added`, which nobody has published before, at which there is something else. */
export function squattedBy(now: readonly TreeEntry[], added: readonly Blob[], { changed }: Lost): string[] {
  const at = new Map(now.map((entry) => [entry.path, entry]));
  return added.flatMap(({ path, object }) => {
    const there = at.get(path);
    const isOurs = !there || (there.object === object && there.mode === '100644') || changed.includes(path);
    return isOurs ? [] : [path];
  });
}

async function readWitness(repository: string, chain: Chain): Promise<TreeEntry[]> {
  const found = await tryGit(['rev-parse', '--verify', '--quiet', `${witnessOf(chain)}^{tree}`], { cwd: repository });
  return found.exitCode === 0 ? await readTree(repository, found.stdout.trim(), folderOf(chain)) : [];
}

/** Those of `entries` that are records of `chain`, or their signatures. */
export function ofChain(entries: readonly TreeEntry[], chain: Chain): TreeEntry[] {
  return entries.filter(({ path, mode }) => {
    const place = placeOf(path);
    return mode === '100644' && typeof place === 'object' && isOfChain(place, chain);
  });
}

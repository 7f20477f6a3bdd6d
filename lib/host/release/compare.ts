import { createHash } from 'node:crypto';
import type { Stats } from 'node:fs';
import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CoffreError, errnoOf } from '../../model/error.ts';
import { explained } from '../../system/explained.ts';
import { readRequired, readStream } from '../../system/files.ts';
import { DESCRIPTION, ReleaseDescription, type ReleaseFile } from './description.ts';

/** A release as it has to be, and the bytes of its own description. */
export interface Wanted {
  readonly description: ReleaseDescription;
  readonly bytes: Buffer;
  /** Where the link `node` leads: the Node of the host; undefined for a release that brings its own. */
  readonly node: string | undefined;
}

/** A path of a release that is not as it has to be. */
export interface Difference {
  readonly path: string;
  readonly kind: 'missing' | 'differs' | 'foreign';
}

/** Name of the link to the Node of the host. */
export const NODE_LINK = 'node';

/** The description in the folder of a release. Throws `not-found`, or `verification-failed` for one that nobody can read. */
export async function readDescription(folder: string, node: string | undefined): Promise<Wanted> {
  const path = join(folder, DESCRIPTION);
  const bytes = await readRequired(path, 'a release is built and shipped from control: npx zx tasks/provision.ts');
  const parsed = ReleaseDescription.safeParse(jsonOf(bytes));
  if (parsed.success) return { description: parsed.data, bytes, node: parsed.data.runtime ? undefined : node };
  throw new CoffreError('verification-failed', `cannot read ${path}: it does not describe a release`, {
    hint: 'ship the release again, from control: npx zx tasks/provision.ts',
  });
}

/** Everything in `folder` that is not as the release has it: content, kind, mode, owner, and what does not belong. */
export async function compareRelease(folder: string, wanted: Wanted): Promise<Difference[]> {
  const { description, bytes, node } = wanted;
  const found = await entriesOf(folder);
  const differences: Difference[] = [];
  const expect = async (path: string, isRight: (stats: Stats) => boolean | Promise<boolean>) => {
    const stats = found.get(path);
    found.delete(path);
    if (!stats) differences.push({ path, kind: 'missing' });
    else if (!(await isRight(stats))) differences.push({ path, kind: 'differs' });
  };
  for (const path of foldersOf(description)) await expect(path, isOurFolder);
  for (const file of description.files)
    await expect(file.path, (stats) => isIntact(join(folder, file.path), stats, file));
  await expect(DESCRIPTION, async (stats) => {
    return isOurFile(stats, 0o644) && bytes.equals(await readFile(join(folder, DESCRIPTION)));
  });
  if (node !== undefined) {
    await expect(
      NODE_LINK,
      async (stats) => stats.isSymbolicLink() && (await readlink(join(folder, NODE_LINK))) === node,
    );
  }
  const foreign = [...found.keys()].filter((path) => !found.has(dirname(path))).sort(); // a folder stands for what is in it
  return [...differences, ...foreign.map((path) => ({ path, kind: 'foreign' as const }))];
}

/** The folders of a release, each before those inside it; the first is the release itself, `''`. */
export function foldersOf({ files }: ReleaseDescription): string[] {
  const folders = new Set(['']);
  for (const { path } of files) {
    for (let folder = dirname(path); folder !== '.'; folder = dirname(folder)) folders.add(folder);
  }
  return [...folders].sort();
}

/** Path → what stands there, with the folder itself as `''`. A link is not followed. */
async function entriesOf(folder: string): Promise<Map<string, Stats>> {
  const found = new Map<string, Stats>();
  const look = async (path: string): Promise<void> => {
    const stats = await lstat(join(folder, path)).catch((error: unknown) => {
      if (errnoOf(error) === 'ENOENT') return undefined;
      throw explained('look at', join(folder, path), error);
    });
    if (!stats) return;
    found.set(path, stats);
    if (!stats.isDirectory()) return;
    for (const name of await readdir(join(folder, path))) await look(join(path, name));
  };
  await look('');
  return found;
}

function isOurFolder(stats: Stats): boolean {
  return stats.isDirectory() && (stats.mode & 0o7777) === 0o755 && stats.uid === process.getuid?.();
}

function isOurFile(stats: Stats, mode: number): boolean {
  return stats.isFile() && (stats.mode & 0o7777) === mode && stats.uid === process.getuid?.();
}

async function isIntact(path: string, stats: Stats, { sizeBytes, sha256, executable }: ReleaseFile): Promise<boolean> {
  if (!isOurFile(stats, executable ? 0o755 : 0o644) || stats.size !== sizeBytes) return false;
  const digest = createHash('sha256');
  for await (const chunk of readStream(path)) digest.update(chunk);
  return digest.digest('hex') === sha256;
}

function jsonOf(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}

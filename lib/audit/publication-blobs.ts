import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { runGit } from '../system/git.ts';
import type { TreeEntry } from './git-objects.ts';
import { factsOf, type SignedRecord } from './signed-record.ts';

/** A file of the audit repository, whose content is in the object store of this machine. */
export type Blob = Pick<TreeEntry, 'path' | 'object'>;

/** Puts records and signatures into the object store, once for all attempts. */
export async function writeBlobs(repository: string, waiting: readonly SignedRecord[]): Promise<Blob[]> {
  const write = async (path: string, content: Buffer): Promise<Blob> => {
    const object = await runGit(['hash-object', '-w', '--stdin'], { cwd: repository, input: content });
    return { path, object: object.trim() };
  };
  const blobs: Blob[] = [];
  for (const signed of waiting) {
    const { path } = factsOf(signed);
    blobs.push(await write(path, signed.bytes), await write(`${path}.sig`, signed.signature));
  }
  return blobs;
}

/** The tree `base`, or an empty one, with `blobs` added or replaced. Works on an index, without files. */
export async function writeTree(
  repository: string,
  base: string | undefined,
  blobs: readonly Blob[],
  /** Whether every blob is in the object store; where only their names are known, it need not be. */
  contents: 'here' | 'elsewhere' = 'here',
): Promise<string> {
  const index = join(repository, 'coffre-index');
  const git = (args: readonly string[], input?: string) =>
    runGit(args, {
      cwd: repository,
      env: { GIT_INDEX_FILE: index },
      ...(input === undefined ? {} : { input }),
    });
  await rm(index, { force: true });
  await git(base === undefined ? ['read-tree', '--empty'] : ['read-tree', base]);
  await git(
    ['update-index', '--add', '--replace', '--index-info'],
    blobs.map(({ path, object }) => `100644 ${object}\t${path}\n`).join(''),
  );
  const tree = (await git(contents === 'here' ? ['write-tree'] : ['write-tree', '--missing-ok'])).trim();
  await rm(index, { force: true });
  return tree;
}

import { realpath } from 'node:fs/promises';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { CoffreError } from '../model/error.ts';
import { exists } from '../system/files.ts';
import { tryGit } from '../system/git.ts';

/** Throws `refused` where a private key would come to lie in the inventory, or where Git would publish it beside that. */
export async function assertOutside(privateKeyPath: string, inventoryFolder: string): Promise<void> {
  const inventory = await realOf(resolve(inventoryFolder));
  const workTree = await workTreeOf(inventory);
  const place = await realOf(dirname(privateKeyPath));
  const published = workTree !== undefined && !(await isIgnored(workTree, privateKeyPath));
  for (const kept of [inventory, ...(published ? [workTree] : [])]) {
    if (place !== kept && !place.startsWith(kept.endsWith(sep) ? kept : kept + sep)) continue;
    throw new CoffreError('refused', `cannot write the private key to ${privateKeyPath}: it is inside of ${kept}`, {
      hint: `a private key never lies where Git publishes: take a path such as ~/keys/${basename(privateKeyPath)}`,
    });
  }
}

/** Whether Git would never add `path`, as with everything in the folder of the quickstart. */
async function isIgnored(workTree: string, path: string): Promise<boolean> {
  return (await tryGit(['check-ignore', '--quiet', '--', path], { cwd: workTree })).exitCode === 0;
}

/** `path` with its links followed, as far down as it is there already. */
async function realOf(path: string): Promise<string> {
  if (await exists(path)) return realpath(path);
  return join(await realOf(dirname(path)), basename(path));
}

/** The folder above, or the one itself, that holds `.git`. */
async function workTreeOf(folder: string): Promise<string | undefined> {
  if (await exists(join(folder, '.git'))) return folder;
  return dirname(folder) === folder ? undefined : workTreeOf(dirname(folder));
}

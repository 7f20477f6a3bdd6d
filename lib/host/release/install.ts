import { createHash } from 'node:crypto';
import { chmod, chown, lstat, mkdir, open, rename, rm, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CoffreError, errnoOf } from '../../model/error.ts';
import { explained } from '../../system/explained.ts';
import { PARTIAL, readStream, removeDurably, renameDurably, syncFolder } from '../../system/files.ts';
import { compareRelease, foldersOf, NODE_LINK, type Wanted } from './compare.ts';
import { DESCRIPTION, type ReleaseFile } from './description.ts';

/**
 * Puts the release from the folder `source` into the folder of the releases, whole or not at all. One that is there
 * already is mended file by file, because what runs at this moment reads from it. Throws `no-space`, `write-failed`, and
 * `verification-failed` when `source` is not what its description says.
 */
export async function installRelease(source: string, wanted: Wanted, path: string): Promise<void> {
  const folder = join(path, wanted.description.version);
  if (await isFolder(folder)) return await mend(source, wanted, folder);
  const draft = `${folder}${PARTIAL}`;
  try {
    await removeDurably(draft);
    await mend(source, wanted, draft);
    await removeDurably(folder); // a file or a link of that name
    await renameDurably(draft, folder);
  } catch (error) {
    await removeDurably(draft);
    throw error;
  }
}

/** Lets the link `name` in the folder of the releases lead to `version`, at one moment. */
export async function switchLink(path: string, name: string, version: string): Promise<void> {
  await linkDurably(join(path, name), version);
}

/** Removes a release. Under another name first, because a release with half of its files is none. */
export async function removeRelease(path: string, version: string): Promise<void> {
  await renameDurably(join(path, version), join(path, `${version}${PARTIAL}`));
  await removeDurably(join(path, `${version}${PARTIAL}`));
}

async function mend(source: string, wanted: Wanted, folder: string): Promise<void> {
  const folders = foldersOf(wanted.description);
  for (const name of folders) await makeOurs(join(folder, name));
  const differences = await compareRelease(folder, wanted);
  for (const { path } of differences.filter(({ kind }) => kind === 'foreign')) {
    await rm(join(folder, path), { recursive: true, force: true });
  }
  const wrong = new Set(differences.map(({ path }) => path));
  for (const file of wanted.description.files.filter(({ path }) => wrong.has(path))) {
    await writeFile(join(folder, file.path), readStream(join(source, file.path)), file);
  }
  if (wanted.node !== undefined && wrong.has(NODE_LINK)) await linkDurably(join(folder, NODE_LINK), wanted.node);
  if (wrong.has(DESCRIPTION)) await writeFile(join(folder, DESCRIPTION), [wanted.bytes], undefined);
  for (const name of folders.toReversed()) await syncFolder(join(folder, name));
}

/** A folder with the mode that it has to have, whatever the umask is. */
async function makeOurs(folder: string): Promise<void> {
  try {
    if (!(await isFolder(folder))) {
      await rm(folder, { force: true });
      await mkdir(folder);
    }
    await chmod(folder, 0o755);
    const { uid, gid } = await lstat(folder);
    const self = process.getuid?.() ?? uid;
    if (uid !== self) await chown(folder, self, gid);
  } catch (error) {
    throw explained('make the folder', folder, error);
  }
}

type Chunks = AsyncIterable<Uint8Array> | readonly Uint8Array[];

/** A file under its final name only when it is whole, and what the description says. */
async function writeFile(path: string, content: Chunks, file: ReleaseFile | undefined): Promise<void> {
  const temporary = `${path}${PARTIAL}`;
  try {
    await rm(temporary, { recursive: true, force: true });
    const handle = await open(temporary, 'wx');
    try {
      await handle.chmod(file?.executable ? 0o755 : 0o644);
      const digest = createHash('sha256');
      for await (const chunk of content) {
        digest.update(chunk);
        await handle.writeFile(chunk);
      }
      if (file && digest.digest('hex') !== file.sha256) throw damaged(file);
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (await isFolder(path)) await rm(path, { recursive: true });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw explained('write', path, error);
  }
}

async function linkDurably(path: string, target: string): Promise<void> {
  const temporary = `${path}${PARTIAL}`;
  try {
    await rm(temporary, { recursive: true, force: true });
    await symlink(target, temporary);
    await rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (error) {
    throw explained('switch', path, error);
  }
}

function damaged({ path }: ReleaseFile): CoffreError {
  return new CoffreError('verification-failed', `cannot install the release: ${path} is not what ${DESCRIPTION} says`, {
    hint: 'it was damaged on its way: ship it again, from control: npx zx tasks/provision.ts',
  });
}

async function isFolder(path: string): Promise<boolean> {
  const stats = await lstat(path).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw explained('look at', path, error);
  });
  return stats?.isDirectory() ?? false;
}

import { randomBytes } from 'node:crypto';
import { open, readdir, readFile, realpath, rename, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { CoffreError, errnoOf } from '../model/error.ts';
import type { HostConfig } from '../model/inventory.ts';
import { explained } from '../system/explained.ts';
import { syncFolder } from '../system/files.ts';
import { mountOf, parseMounts } from './mounts.ts';

const readMountinfo = () => readFile('/proc/self/mountinfo', 'utf8');

/**
 * Makes sure that the store is what the inventory says it is, before anything is written to it: an unmounted volume is
 * an ordinary folder that takes every write, and loses it with the host. Never makes the folder itself.
 *
 * Throws `store-unreachable` when it is not there or does not answer, `refused` when another file system than
 * the inventory's is at that place, `write-failed` when it cannot be written to, `no-space` when it is full.
 */
export async function assertStoreMounted(store: HostConfig['store'], mountinfo = readMountinfo): Promise<void> {
  const mount = await volumeOf(store, 'write to', mountinfo);
  if (mount?.readOnly) {
    throw new CoffreError('write-failed', `cannot write to the store ${store.path}: it is mounted read-only`, {
      hint: `look at: findmnt -T ${store.path}; dmesg | tail`,
    });
  }
  await probe(store.path);
}

/**
 * Makes sure that the store is what the inventory says it is, before it is said what is not there: below an unmounted volume
 * nothing is. Writes nothing. Throws `store-unreachable` and `refused` as `assertStoreMounted` does.
 */
export async function assertStoreReadable(store: HostConfig['store'], mountinfo = readMountinfo): Promise<void> {
  await volumeOf(store, 'read', mountinfo);
}

async function volumeOf(store: HostConfig['store'], verb: 'read' | 'write to', mountinfo: typeof readMountinfo) {
  await assertFolder(store);
  // Links are followed, or a link to a local folder would stand for the volume.
  const mount = mountOf(parseMounts(await mountinfo()), await realpath(store.path));
  if (store.mount === 'none' || mount?.type === store.mount) return mount;
  const found = mount ? `${mount.type} mounted at ${mount.path}` : 'no mount at all';
  throw new CoffreError('refused', `cannot ${verb} the store ${store.path}: no ${store.mount} there, but ${found}`, {
    hint: `mount the volume: mount ${store.path}; look at: findmnt -T ${store.path}`,
  });
}

/** Makes sure that a plain folder, such as the export's, is there and takes writes. */
export function assertFolderWritable(path: string): Promise<void> {
  return assertStoreMounted({ path, mount: 'none' });
}

/** What an ordinary user can still write to the file system of `path`. */
export async function freeBytes(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(path).catch((error: unknown) => {
    throw explained('look at', path, error);
  });
  return bavail * bsize;
}

async function assertFolder({ path, mount }: HostConfig['store']): Promise<void> {
  const isFolder = await stat(path).then(
    (stats) => stats.isDirectory(),
    (error: unknown) => {
      if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
      throw explained('look at', path, error);
    },
  );
  if (isFolder) return;
  const why = isFolder === undefined ? 'there is no such folder' : 'it is not a folder';
  throw new CoffreError('store-unreachable', `cannot use ${path}: ${why}`, {
    hint:
      mount === 'none'
        ? `make it: mkdir -p ${path}; look at: ls -ld ${path}`
        : `mount the ${mount}, or make the folder where it is mounted; look at: findmnt -t ${mount}; ls -ld ${path}`,
  });
}

/** A volume without quorum still answers questions about it. Only a file that went there and back is a proof. */
async function probe(folder: string): Promise<void> {
  const content = randomBytes(64);
  const name = join(folder, `${PROBE}${content.toString('hex', 0, 8)}`);
  const renamed = `${name}-renamed`;
  try {
    await sweep(folder);
    const handle = await open(name, 'wx', 0o600);
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(name, renamed);
    await syncFolder(folder);
    const back = await readFile(renamed);
    if (!back.equals(content)) {
      throw new CoffreError('store-unreachable', `cannot trust ${folder}: it gave other bytes back than it took`, {
        hint: `look at: dmesg | tail; findmnt -T ${folder}`,
      });
    }
  } catch (error) {
    throw explained('write to', folder, error);
  } finally {
    await rm(name, { force: true }).catch(() => undefined); // the error above tells more
    await rm(renamed, { force: true }).catch(() => undefined);
  }
}

const PROBE = '.coffre-probe-';
const STALE_MS = 3_600_000;

/** Takes away the probes of runs that were killed over them. A young one may be at work. */
async function sweep(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.startsWith(PROBE)) continue;
    const path = join(folder, name);
    const found = await stat(path).catch(() => undefined); // its own run may have taken it away
    if (found && Date.now() - found.mtimeMs > STALE_MS) await rm(path, { force: true });
  }
}

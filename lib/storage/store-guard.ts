import { randomBytes } from 'node:crypto';
import { open, readdir, readFile, realpath, rename, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { CoffreError, errnoOf } from '../model/error.ts';
import type { StorePlace } from '../model/store-config.ts';
import { explained } from '../system/explained.ts';
import { syncFolder } from '../system/files.ts';
import { type Mount, mountOf, parseMounts, readMountinfo } from '../system/mounts.ts';

/** What the kernel says of mounts, and of what answers at a path. */
export interface MountFacts {
  mountinfo(): Promise<string>;
  /** `major:minor` by stat(2), and the type by statfs(2). */
  fileSystemAt(path: string): Promise<{ readonly device: string; readonly magic: number }>;
}

const KERNEL: MountFacts = {
  mountinfo: readMountinfo,
  async fileSystemAt(path) {
    const [{ dev }, { type }] = await Promise.all([stat(path, { bigint: true }), statfs(path)]).catch(
      (error: unknown) => {
        throw explained('look at', path, error);
      },
    );
    // The way in which glibc packs the two numbers. Source: sys/sysmacros.h.
    const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & 0xfffff000n);
    const minor = (dev & 0xffn) | ((dev >> 12n) & 0xffffff00n);
    return { device: `${major}:${minor}`, magic: type };
  },
};

/** FUSE_SUPER_MAGIC of linux/magic.h: what statfs says of every file system whose type begins with `fuse`. */
const FUSE_MAGIC = 0x65735546;

/**
 * Makes sure that the store is what the inventory says it is, before anything is written to it: an unmounted volume is
 * an ordinary folder that takes every write, and loses it with the host. Never makes the folder itself.
 *
 * Throws `store-unreachable` when it is not there or does not answer, `refused` when another file system than
 * the inventory's is at that place, `write-failed` when it cannot be written to, `no-space` when it is full.
 */
export async function assertStoreMounted(store: StorePlace, facts: Partial<MountFacts> = {}): Promise<void> {
  const mount = await volumeOf(store, 'write to', facts);
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
export async function assertStoreReadable(store: StorePlace, facts: Partial<MountFacts> = {}): Promise<void> {
  await volumeOf(store, 'read', facts);
}

async function volumeOf(store: StorePlace, verb: 'read' | 'write to', facts: Partial<MountFacts>) {
  const { mountinfo, fileSystemAt } = { ...KERNEL, ...facts };
  await assertFolder(store);
  // Links are followed, or a link to a local folder would stand for the volume.
  const path = await realpath(store.path).catch((error: unknown) => {
    throw explained('look at', store.path, error);
  });
  const mount = mountOf(parseMounts(await mountinfo()), path);
  if (store.mount === 'none') return mount;
  const refuse = (why: string) =>
    new CoffreError('refused', `cannot ${verb} the store ${store.path}: ${why}`, {
      hint: `mount the volume: mount ${store.path}; look at: findmnt -T ${store.path}`,
    });
  if (mount?.type !== store.mount) {
    throw refuse(
      `no ${store.mount} there, but ${mount ? `${mount.type} mounted at ${mount.path}` : 'no mount at all'}`,
    );
  }
  if (store.source !== undefined && mount.source !== store.source) {
    throw refuse(`${mount.source} is mounted at ${mount.path}, not ${store.source}`);
  }
  if (isFuse(mount)) {
    const { device, magic } = await fileSystemAt(path);
    // The table and the path can disagree, as while somebody unmounts it: what answers is what is written to.
    if (device !== mount.device || magic !== FUSE_MAGIC) {
      throw refuse(`what answers there (device ${device}) is not what is mounted at ${mount.path} (${mount.device})`);
    }
  }
  return mount;
}

function isFuse({ type }: Mount): boolean {
  return type === 'fuse' || type.startsWith('fuse.');
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

async function assertFolder({ path, mount }: StorePlace): Promise<void> {
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
    const found = await stat(path).catch((error: unknown) => {
      if (errnoOf(error) === 'ENOENT') return undefined; // its own run has taken it away
      throw error;
    });
    if (found && Date.now() - found.mtimeMs > STALE_MS) await rm(path, { force: true });
  }
}

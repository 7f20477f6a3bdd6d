import { existsSync, mkdirSync, readdirSync, rmdirSync } from 'node:fs';
import { rm, statfs, truncate, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { sleep } from '../../lib/system/clock.ts';
import { run } from '../../lib/system/command.ts';

/** Each is a file with holes: what is not written costs nothing. */
const SIZE_MB = 192;
const BESIDE_MB = 32;
const UNMOUNT_TRIES = 50;
const FILLER = '.filler';
const FILL_TRIES = 20;
const BLOCKS_BYTES = 64 * 1024;

/**
 * A file system of its own for one place of a world, on a device of its own: ext4 in a file, on an ext4 in a file. What
 * befalls the upper one befalls a file system, what befalls the lower one befalls its device.
 */
export interface Disk {
  readonly path: string;
  /** Takes all of its space but so many bytes. */
  fill(leftBytes: number): Promise<void>;
  /** What ext4 does itself after an error in its own structures: from now on it is read-only, whoever has a file open. */
  turnReadOnly(): Promise<void>;
  /** From now on the device writes nothing any more: what was not synced before is never on it, and fsync says EIO. */
  fail(): Promise<void>;
  /** Takes the fault away, as an administrator does: unmounts, checks, mounts. Everything that was synced is there. */
  repair(): Promise<void>;
}

/** Mounts a new one at `path`, in the mount namespace of this process, with which it goes. Its files are in `folder`. */
export async function mountDisk(folder: string, path: string): Promise<Disk> {
  const lower = join(folder, 'lower');
  const [device, image] = [join(folder, 'device'), join(lower, 'image')];
  for (const name of [lower, path]) mkdirSync(name, { recursive: true });
  await make(device, SIZE_MB + BESIDE_MB);
  await mount(device, lower);
  await make(image, SIZE_MB);
  await mount(image, path);
  const filler = join(path, FILLER);
  return {
    path,
    async fill(leftBytes) {
      // What a file takes besides its own bytes is not known before; and somebody may write meanwhile.
      for (let tries = 0; tries < FILL_TRIES; tries += 1) {
        const { bavail, bsize } = await statfs(path);
        const bytes = Math.max(0, bavail * bsize - leftBytes - tries * BLOCKS_BYTES);
        const name = `${filler}-${tries}`;
        if (bytes === 0 || (await run('fallocate', ['--length', `${bytes}`, name])).exitCode === 0) return;
        await rm(name, { force: true });
      }
      throw new Error(`cannot fill ${path}`);
    },
    turnReadOnly: () => breakDown(path),
    fail: () => breakDown(lower),
    async repair() {
      await unmount(path);
      await unmount(lower);
      await check(device);
      await mount(device, lower);
      await check(image);
      await mount(image, path);
      for (const name of readdirSync(path)) if (name.startsWith(FILLER)) await rm(join(path, name), { force: true });
    },
  };
}

async function make(path: string, sizeMb: number): Promise<void> {
  await writeFile(path, '');
  await truncate(path, sizeMb * 1024 * 1024);
  const features = ['-O', '^resize_inode', '-E', 'lazy_itable_init=1,lazy_journal_init=1', '-J', 'size=4'];
  await must('mkfs.ext4', ['-q', '-m', '0', '-b', '4096', '-N', '8192', ...features, path]);
}

async function mount(image: string, path: string): Promise<void> {
  await must('mount', ['-o', 'loop,errors=remount-ro,noatime', image, path]);
  const found = join(path, 'lost+found');
  if (existsSync(found)) rmdirSync(found);
}

/** What a process of a run that was killed has open is closed in a moment. */
async function unmount(path: string): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    const { exitCode, stderr } = await run('umount', [path]);
    if (exitCode === 0) return;
    if (tries === UNMOUNT_TRIES) throw new Error(`cannot unmount ${path}: ${stderr}`);
    await sleep(100);
  }
}

/** 1 says that it has mended something. */
async function check(path: string): Promise<void> {
  const { exitCode, stdout, stderr } = await run('e2fsck', ['-f', '-y', path]);
  if (exitCode === null || exitCode > 1) throw new Error(`cannot check ${path}: ${stdout}${stderr}`);
}

async function breakDown(path: string): Promise<void> {
  const { stdout } = await must('findmnt', ['--noheadings', '--output', 'SOURCE', path]);
  await writeFile(`/sys/fs/ext4/${basename(stdout.trim())}/trigger_fs_error`, 'a fault is tried out');
}

async function must(program: string, words: readonly string[]): Promise<{ readonly stdout: string }> {
  const { exitCode, stdout, stderr } = await run(program, words);
  if (exitCode !== 0) throw new Error(`${program} ${words.join(' ')} ended with ${exitCode}: ${stderr}`);
  return { stdout };
}

import { mkdtemp, readdir, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { errnoOf } from '../model/error.ts';

/** `coffre-<name>-<PID namespace>-<pid>-<random>`: whose process is over is nobody's, and that can be known. */
const NAME = /^coffre-[a-z]+-(\d+)-(\d+)-[A-Za-z0-9]{6}$/;

let cleared: Promise<void> | undefined;

/**
 * Hands `act` an empty private folder that is gone afterwards; one of a process that was killed over it is taken away by the
 * next process that needs one. `name` is of small letters and says what for.
 */
export async function withPassingFolder<T>(name: string, act: (folder: string) => Promise<T>): Promise<T> {
  const space = await pidNamespace();
  cleared ??= clear(space);
  await cleared;
  const folder = await mkdtemp(join(tmpdir(), `coffre-${name}-${space}-${process.pid}-`));
  try {
    return await act(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** 0 where there is no /proc: nothing is known of anybody then. */
async function pidNamespace(): Promise<string> {
  const link = await readlink('/proc/self/ns/pid').catch(() => '');
  return /^pid:\[(\d+)\]$/.exec(link)?.[1] ?? '0';
}

/** What belongs to another user, or cannot be listed, is left as it is: it hinders nobody. */
async function clear(space: string): Promise<void> {
  if (space === '0') return;
  for (const name of await readdir(tmpdir()).catch(() => [])) {
    const [, of, pid] = NAME.exec(name) ?? [];
    if (of !== space || isAlive(Number(pid))) continue;
    await rm(join(tmpdir(), name), { recursive: true, force: true }).catch(() => undefined);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errnoOf(error) !== 'ESRCH';
  }
}

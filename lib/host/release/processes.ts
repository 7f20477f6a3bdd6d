import { readdir, readFile, readlink, realpath } from 'node:fs/promises';
import { sep } from 'node:path';

/**
 * The processes that run from `folder`: their program, their working folder or a word of their command line is in it.
 * The launcher names every file by its real path, so that a verb which runs on the host's own Node shows, too.
 */
export async function processesIn(folder: string): Promise<number[]> {
  const inside = `${await realpath(folder).catch(() => folder)}${sep}`;
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const running = await Promise.all(
    pids.map(async (pid) => {
      const [words, ...links] = await Promise.all([
        readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => ''),
        readlink(`/proc/${pid}/exe`).catch(() => ''),
        readlink(`/proc/${pid}/cwd`).catch(() => ''),
      ]);
      return [...words.split('\0'), ...links].some((path) => `${path}${sep}`.startsWith(inside));
    }),
  );
  return pids.filter((_, index) => running[index]).map(Number);
}

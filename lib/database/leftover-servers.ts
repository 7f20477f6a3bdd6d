import { readdir, readFile } from 'node:fs/promises';
import { type ServerProcess, stopServer } from './stop-server.ts';

/**
 * Ends every process that works on the data directory `data`: a throwaway server, or the programs that make its first files.
 * They are known by their command line alone, because whoever was killed while it started them has written nothing down.
 * Returns how many there were. Source: proc(5), /proc/<pid>/cmdline.
 */
export async function stopServersOn(data: string): Promise<number> {
  const found = await serversOn(data);
  for (const server of found) await stopServer(server);
  return found.length;
}

async function serversOn(data: string): Promise<readonly ServerProcess[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const looked = await Promise.all(
    pids.map(async (pid) => {
      // It may end between the two looks, or belong to somebody else.
      const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      return commandLine.split('\0').includes(`--datadir=${data}`) ? [{ pid, data }] : [];
    }),
  );
  return looked.flat();
}

import { readFile } from 'node:fs/promises';
import { CoffreError, errnoOf } from '../model/error.ts';
import { sleep } from '../system/clock.ts';

/** A throwaway server as it can be written down: enough to end it later, and nothing else by mistake. */
export interface ServerProcess {
  readonly pid: number;
  /** Its data directory, which tells it from any other process that has got its number since. */
  readonly data: string;
}

const PATIENCE_MS = 20_000;

/** Whether that very server still runs. */
export async function isRunning({ pid, data }: ServerProcess): Promise<boolean> {
  try {
    const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8');
    return commandLine.split('\0').includes(`--datadir=${data}`);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ESRCH') return false;
    throw error;
  }
}

/** Ends a throwaway server and waits until it is gone. One that is gone already is left at that. */
export async function stopServer(server: ServerProcess): Promise<void> {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    if (!(await isRunning(server))) return;
    kill(server.pid, signal);
    for (let waitedMs = 0; waitedMs < PATIENCE_MS; waitedMs += 20) {
      if (!(await isRunning(server))) return;
      await sleep(20);
    }
  }
  throw new CoffreError('unexpected', `cannot stop mariadbd: process ${server.pid} does not end`, {
    hint: `look at: ps -fp ${server.pid}`,
  });
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (errnoOf(error) !== 'ESRCH') throw error;
  }
}

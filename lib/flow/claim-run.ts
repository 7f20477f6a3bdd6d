import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../model/error.ts';
import { RunId, runIdAt, startOfRun } from '../model/run-id.ts';
import { type Clock, sleep } from '../system/clock.ts';
import { explained } from '../system/explained.ts';
import { makeFolder, removeDurably } from '../system/files.ts';

const KEEP_MS = 2 * 24 * 3_600_000;

/**
 * A name for a run that no other run of this host has: two that start in the same second get two seconds. The claim
 * is a file that only one process can make; claims older than two days are taken away.
 */
export async function claimRun(stateFolder: string, clock: Clock): Promise<RunId> {
  const folder = join(stateFolder, 'runs');
  await makeFolder(folder, 0o700);
  for (const name of await readdir(folder)) {
    const run = RunId.safeParse(name);
    if (!run.success || clock.now().getTime() - startOfRun(run.data).getTime() > KEEP_MS) {
      await removeDurably(join(folder, name));
    }
  }
  for (;;) {
    const run = runIdAt(clock.now());
    try {
      await (await open(join(folder, run), 'wx', 0o600)).close();
      return run;
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw explained('write', join(folder, run), error);
      await sleep(200);
    }
  }
}

import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../model/error.ts';
import { RunId, runIdAt, startOfRun } from '../model/run-id.ts';
import { type Clock, sleep } from '../system/clock.ts';
import { explained } from '../system/explained.ts';
import { makeFolder, removeDurably } from '../system/files.ts';

const KEEP_MS = 2 * 24 * 3_600_000;
const RUN_ID_LENGTH = '2026-11-22T040000Z'.length;

/** A record that is none of a run. */
interface OtherClaim {
  readonly kind: string;
  /** When it began, if that is not now. */
  readonly from?: Date;
}

/**
 * A name for a run that no other run of this host has: two that start in the same second get two seconds. The claim
 * is a file that only one process can make; claims older than two days are taken away. Other records are told from runs by
 * their kind, so that only two of the same kind need two seconds.
 */
export async function claimRun(stateFolder: string, clock: Clock, other?: OtherClaim): Promise<RunId> {
  const folder = join(stateFolder, 'runs');
  await makeFolder(folder, 0o700);
  for (const name of await readdir(folder)) {
    const run = RunId.safeParse(name.slice(0, RUN_ID_LENGTH));
    if (!run.success || clock.now().getTime() - startOfRun(run.data).getTime() > KEEP_MS) {
      await removeDurably(join(folder, name));
    }
  }
  for (let at = other?.from ?? clock.now(); ; ) {
    const run = runIdAt(at);
    const path = join(folder, other === undefined ? run : `${run}-${other.kind}`);
    try {
      await (await open(path, 'wx', 0o600)).close();
      return run;
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw explained('write', path, error);
      const later = new Date(at.getTime() + 1000);
      if (later <= clock.now()) at = later;
      else {
        await sleep(200);
        at = clock.now();
      }
    }
  }
}

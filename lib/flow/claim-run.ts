import { randomBytes } from 'node:crypto';
import { link, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../model/error.ts';
import { RunId, runIdAt, startOfRun } from '../model/run-id.ts';
import { type Clock, sleep } from '../system/clock.ts';
import { explained } from '../system/explained.ts';
import { makeFolder, readIfPresent, removeDurably } from '../system/files.ts';
import { describeProcess, readProcess } from '../system/process-record.ts';

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
  return await claim(stateFolder, clock, '', other);
}

/**
 * The same for a run that MUST come to its record: until `settleClaim` the claim says which process is at it, from the moment on at which
 * there is one.
 */
export async function claimRunToRecord(stateFolder: string, clock: Clock): Promise<RunId> {
  return await claim(stateFolder, clock, JSON.stringify(await describeProcess(process.pid)));
}

/** The run is on record: nobody needs to look for it. */
export async function settleClaim(stateFolder: string, run: RunId): Promise<void> {
  await truncate(join(stateFolder, 'runs', run)).catch((error: unknown) => {
    if (errnoOf(error) !== 'ENOENT') throw explained('write', join(stateFolder, 'runs', run), error);
  });
}

/** Runs that have a name and no record, the oldest first, and whose process has ended, however it did. */
export async function lostRuns(stateFolder: string): Promise<readonly RunId[]> {
  const folder = join(stateFolder, 'runs');
  const lost: RunId[] = [];
  const names = await readdir(folder).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return [];
    throw explained('list', folder, error);
  });
  for (const name of names.sort()) {
    const run = RunId.safeParse(name);
    const content = run.success ? await readIfPresent(join(folder, name)) : undefined;
    if (!run.success || content === undefined || content.length === 0) continue;
    if (!(await readProcess(join(folder, name)))) lost.push(run.data);
  }
  return lost;
}

async function claim(stateFolder: string, clock: Clock, content: string, other?: OtherClaim): Promise<RunId> {
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
      await makeWhole(path, content);
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

/** Appears with its content, or not at all: throws EEXIST where there is one. */
async function makeWhole(path: string, content: string): Promise<void> {
  const temporary = `${path}-${randomBytes(8).toString('hex')}`;
  await writeFile(temporary, content, { mode: 0o600 });
  try {
    await link(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
}

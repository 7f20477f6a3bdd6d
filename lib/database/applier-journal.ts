import { join } from 'node:path';
import * as z from 'zod';
import { CoffreError } from '../model/error.ts';
import { readIfPresent, removeDurably, writeDurably } from '../system/files.ts';
import { startAppliers, stopAppliers } from './applier.ts';
import type { Connection } from './connection.ts';

/** What a run has stopped, and has not started again yet. On disk before the first is stopped. */
const StoppedAppliers = z.strictObject({
  /** The run, or whoever else stopped them. */
  by: z.string(),
  /** Names of the connections. */
  names: z.array(z.string()).min(1),
});
export type StoppedAppliers = z.infer<typeof StoppedAppliers>;

export function stoppedAppliersPath(stateFolder: string): string {
  return join(stateFolder, 'stopped-appliers.json');
}

/** undefined when nothing is stopped. Throws `verification-failed` for a file that says nothing. */
export async function readStoppedAppliers(stateFolder: string): Promise<StoppedAppliers | undefined> {
  const path = stoppedAppliersPath(stateFolder);
  const content = await readIfPresent(path);
  if (!content) return undefined;
  try {
    return StoppedAppliers.parse(JSON.parse(content.toString('utf8')));
  } catch (error) {
    throw new CoffreError('verification-failed', `cannot read ${path}: it does not say what was stopped`, {
      hint: `run on the server: START ALL SLAVES; then: rm ${path}`,
      cause: error,
    });
  }
}

/**
 * Stops appliers for as long as `work` takes, and starts them again whatever becomes of it. What could not be started is
 * left to the next run by the file; `cannotStart` is told, because what `work` has done is good all the same.
 */
export async function whileStopped<T>(
  connection: Connection,
  stateFolder: string,
  stopped: StoppedAppliers,
  work: () => Promise<T>,
  cannotStart: (error: unknown) => void,
): Promise<T> {
  await writeDurably(stoppedAppliersPath(stateFolder), `${JSON.stringify(stopped)}\n`, 0o600);
  try {
    await stopAppliers(connection, stopped.names);
    return await work();
  } finally {
    await startStopped(connection, stateFolder).catch(cannotStart);
  }
}

/** Starts what the file says, and takes the file away. Returns what it was. MUST NOT be called while a run is under way. */
export async function startStopped(connection: Connection, stateFolder: string): Promise<StoppedAppliers | undefined> {
  const stopped = await readStoppedAppliers(stateFolder);
  if (!stopped) return undefined;
  await startAppliers(connection, stopped.names);
  await removeDurably(stoppedAppliersPath(stateFolder));
  return stopped;
}

import { join } from 'node:path';
import { asCoffreError } from '../model/error.ts';
import type { Resource } from '../model/plan.ts';
import { systemClock } from '../system/clock.ts';
import { type Lock, lockOrThrow } from '../system/lock.ts';
import type { AccountHost } from './account-options.ts';
import { adminConnection } from './admin-connection.ts';
import { readStoppedAppliers, startStopped, stoppedAppliersPath } from './applier-journal.ts';

/** What a killed run has left stopped of replication runs again. Comes before the account, which may lose its privilege. */
export function startedAppliers({ database, state }: AccountHost): Resource {
  const identity = { kind: 'replication', name: stoppedAppliersPath(state.path) } as const;
  return {
    ...identity,
    async inspect() {
      const stopped = await readStoppedAppliers(state.path);
      if (!stopped) return undefined;
      const lock = await lockUnlessRunning(state.path);
      if (!lock) return undefined; // a run is under way: it starts them itself
      await lock.release();
      const names = stopped.names.map((name) =>
        name === '' ? 'the SQL thread' : `the SQL thread of ${JSON.stringify(name)}`,
      );
      return {
        ...identity,
        action: 'change',
        lines: names.map((name) => `+${name} runs (${stopped.by} had left it stopped)`),
      };
    },
    async apply() {
      const lock = await lockUnlessRunning(state.path);
      try {
        if (lock) await startStopped(adminConnection(database), state.path);
      } finally {
        await lock?.release();
      }
    },
  };
}

/** The lock of the host's runs; undefined while one of them has it. */
async function lockUnlessRunning(stateFolder: string): Promise<Lock | undefined> {
  const holder = { doing: 'starting replication again', since: systemClock.now().toISOString() };
  try {
    return await lockOrThrow(join(stateFolder, 'run.lock'), holder);
  } catch (error) {
    if (asCoffreError(error).code === 'locked') return undefined;
    throw error;
  }
}

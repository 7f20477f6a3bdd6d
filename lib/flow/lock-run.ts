import { join } from 'node:path';
import { asCoffreError } from '../model/error.ts';
import type { HostConfig } from '../model/inventory.ts';
import type { RunId } from '../model/run-id.ts';
import { type Lock, lockOrThrow } from '../system/lock.ts';
import type { BackupContext } from './backup-context.ts';
import { conclude, publish } from './conclude.ts';
import { emptyDraft } from './draft.ts';

/** The lock of the host's runs. When another run holds it, this one is put on record as skipped: throws `locked`. */
export async function lockRun(host: HostConfig, run: RunId, { clock, emit }: BackupContext): Promise<Lock> {
  try {
    return await lockOrThrow(join(host.state.path, 'run.lock'), {
      doing: `the run ${run}`,
      since: clock.now().toISOString(),
    });
  } catch (error) {
    const locked = asCoffreError(error);
    if (locked.code !== 'locked') throw error;
    const draft = emptyDraft(host, run);
    await conclude(host, { ...draft, outcome: 'skipped', error: { code: 'locked', phase: 'preflight' } }, clock);
    const publication = await publish(host, clock);
    if (publication.kind === 'owed') {
      const { message, hint } = publication.error;
      const text = `the skipped run is on record here, and not published yet: ${message}`;
      emit({ kind: 'warning', subject: host.name, text, hint: hint ?? 'the next run publishes it' });
    }
    throw locked;
  }
}

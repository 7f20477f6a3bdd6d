import { availableParallelism } from 'node:os';
import type { ArchiveDigests } from '../archive/digests.ts';
import type { Connection } from '../database/connection.ts';
import { readDumpProgram } from '../database/dump-program.ts';
import { readRunningEvents } from '../database/running-events.ts';
import type { Emit } from '../model/event.ts';
import type { Archive, Manifest } from '../model/manifest.ts';
import { compareContent, readContent } from './compare-content.ts';
import { sideBySide } from './side-by-side.ts';

export interface Comparison {
  /** Databases that have the digests which were sealed with them. */
  readonly compared: readonly string[];
  /** Databases that differ where nothing may. */
  readonly differing: readonly string[];
  /** A sentence for everything that differs there. */
  readonly differences: readonly string[];
}

interface Target {
  readonly target: Connection;
  readonly emit: Emit;
  /** Databases that are dumped at a time; one for each core if absent. */
  readonly parallel?: number | undefined;
}

/**
 * Dumps what was loaded once more and compares it with the digests that were sealed inside the archives. Where events
 * have been at work since the load, a difference proves nothing, and is only warned of.
 */
export async function compareRestored(
  sealed: ReadonlyMap<Archive, ArchiveDigests>,
  manifest: Manifest,
  { target, emit, parallel = availableParallelism() }: Target,
): Promise<Comparison> {
  const program = await readDumpProgram();
  if (program.version !== manifest.software.dump) {
    const text = `not compared by content: this ${program.version} writes other SQL than the ${manifest.software.dump} of the backup`;
    emit({ kind: 'warning', subject: manifest.host, text, hint: 'count rows and look at the newest ones by hand' });
    return { compared: [], differing: [], differences: [] };
  }
  const compared: string[] = [];
  const differing: string[] = [];
  const differences: string[] = [];
  const dumped = await sideBySide(sealed, parallel, async ([{ database, events }, { sections }]) => {
    if (database === null) return undefined;
    const expected = new Map([[database, sections]]);
    return { database, events, found: compareContent(expected, await readContent(target, [database], expected)) };
  });
  for (const each of dumped) {
    if (!each) continue;
    const { database, events, found } = each;
    const running = found.length === 0 ? undefined : await readRunningEvents(target);
    if (found.length === 0) compared.push(database);
    // An event that was to happen once is gone by now; one of another database may write into this one.
    else if (
      running &&
      (events > 0 || running.some((each) => each.database === database || each.body.includes(database)))
    ) {
      emit({
        kind: 'warning',
        subject: database,
        text: `cannot be compared: the server's events are running, and may have changed what differs: ${found.join('; ')}`,
        hint: 'to be sure, restore it once more with the scheduler off: SET GLOBAL event_scheduler = OFF;',
      });
    } else {
      differing.push(database);
      differences.push(...found);
    }
  }
  return { compared, differing, differences };
}

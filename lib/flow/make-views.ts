import type { Connection } from '../database/connection.ts';
import { quoteIdentifier } from '../database/sql-text.ts';
import { asCoffreError } from '../model/error.ts';
import type { DatabaseName } from '../model/names.ts';
import type { LoadedArchive } from './load-archive.ts';
import { loadHeld } from './load-dump.ts';

/** Whether a view of it seems to name one of these databases: the server stores every name in full and in backticks. */
export function namesAny({ rest }: LoadedArchive, databases: readonly DatabaseName[]): boolean {
  return databases.some((name) => {
    const words = Buffer.from(`${quoteIdentifier(name)}.`);
    return rest.views.some(({ sql }) => sql.includes(words));
  });
}

/**
 * Makes the views of databases, whose tables are all there. They may need each other in any order: a view that checks
 * what is written through it needs the other one as it is, and not its placeholder. So what has failed is tried again
 * as long as others succeed. Returns those whose views cannot be made, each with the first error.
 */
export async function makeViews(
  target: Connection,
  loaded: readonly LoadedArchive[],
): Promise<ReadonlyMap<LoadedArchive, unknown>> {
  let left = loaded.map((each) => ({ each, views: [each.rest.views] as readonly LoadedArchive['rest']['views'][] }));
  const failed = new Map<LoadedArchive, unknown>();
  for (let progress = true; progress && left.length > 0; ) {
    progress = false;
    failed.clear();
    const next: typeof left = [];
    for (const { each, views } of left) {
      const still: LoadedArchive['rest']['views'][number][] = [];
      for (const batch of views) {
        try {
          await loadHeld(target, each.name, each.rest.preamble, batch);
          progress = true;
        } catch (error) {
          if (asCoffreError(error).code === 'database-unreachable') throw error;
          if (!failed.has(each)) failed.set(each, error);
          if (batch.length > 1) progress = true;
          still.push(...batch);
        }
      }
      if (still.length > 0) next.push({ each, views: still.map((view) => [view]) });
    }
    left = next;
  }
  return failed;
}

import type { DatabaseName } from '../model/names.ts';
import type { Ask } from './client.ts';
import { readOwnObjects } from './own-objects.ts';

/** What a database holds, for a sentence: `2 tables and 1 view`. null for one that is empty, or is not there. */
export async function readStanding(ask: Ask, database: DatabaseName): Promise<string | null> {
  // A trigger stands with its table.
  const { tables, views, routines, events } = await readOwnObjects(ask, database);
  const counts: readonly (readonly [number, string])[] = [
    [tables.length, 'table'],
    [views.length, 'view'],
    [routines.length, 'routine'],
    [events.length, 'event'],
  ];
  const parts = counts.flatMap(([count, kind]) => (count === 0 ? [] : [`${count} ${kind}${count === 1 ? '' : 's'}`]));
  if (parts.length < 2) return parts[0] ?? null;
  return `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`;
}

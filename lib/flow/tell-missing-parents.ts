import type { Connection } from '../database/connection.ts';
import { type MissingParent, readMissingParents } from '../database/missing-parents.ts';
import { quoteIdentifier } from '../database/sql-text.ts';
import type { Emit } from '../model/event.ts';
import type { RestorePlan } from './plan-restore.ts';
import { loadedAs } from './plan-selections.ts';

/**
 * Warns of tables that were restored without those that they refer to: in a database of another name, or one that was gone, a
 * foreign key means a table there.
 */
export async function tellMissingParents(
  target: Connection,
  { archives, selections }: Pick<RestorePlan, 'archives' | 'selections'>,
  emit: Emit,
): Promise<void> {
  for (const archive of archives) {
    const tables = selections.get(archive)?.tables;
    const database = loadedAs(archive, selections);
    if (!tables || database === null) continue;
    const missing = (await readMissingParents(target, database)).filter(({ table }) => tables.includes(table));
    if (missing.length === 0) continue;
    const text = `no row can be written that refers to a table which is not there: ${missing.map(describe).join(', ')}`;
    const hint =
      'restore those tables beside it, too: --table; or drop its foreign keys: ALTER TABLE … DROP FOREIGN KEY …';
    emit({ kind: 'warning', subject: database, text, hint });
  }
}

function describe({ table, parentDatabase, parent }: MissingParent): string {
  return `${quoteIdentifier(table)} refers to ${quoteIdentifier(parentDatabase)}.${quoteIdentifier(parent)}`;
}

import type { OrphanView } from '../database/broken-views.ts';
import { quoteIdentifier } from '../database/sql-text.ts';
import type { Emit } from '../model/event.ts';

/** More of them would hide the rest of what is told. */
const NAMED = 10;

/** Warns of the views that are in the backup as they are, and that nobody can read, definer by definer. */
export function tellOrphanViews(views: readonly OrphanView[], subject: string, emit: Emit): void {
  for (const definer of new Set(views.map((view) => view.definer))) {
    const its = views.filter((view) => view.definer === definer);
    const named = its
      .slice(0, NAMED)
      .map(({ database, name }) => `${quoteIdentifier(database)}.${quoteIdentifier(name)}`);
    const more = its.length > NAMED ? `, and ${its.length - NAMED} more` : '';
    emit({
      kind: 'warning',
      subject,
      text: `nobody can read these views, as their definer ${definer} is no account any more; they are in the backup all the same: ${named.join(', ')}${more}`,
      hint: 'make that account again with its grants, drop them, or give them another: ALTER DEFINER = … VIEW … AS …',
    });
  }
}

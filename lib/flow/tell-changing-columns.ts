import type { ChangingColumn } from '../database/changing-charsets.ts';
import { quoteIdentifier } from '../database/sql-text.ts';
import type { Emit } from '../model/event.ts';

/** More of them would hide the rest of what is told. */
const NAMED = 10;

/** Warns of the columns whose text a dump changes, database by database. */
export function tellChangingColumns(columns: readonly ChangingColumn[], emit: Emit): void {
  for (const database of new Set(columns.map((each) => each.database))) {
    const its = columns.filter((each) => each.database === database);
    const named = its
      .slice(0, NAMED)
      .map(({ table, column, charset }) => `${quoteIdentifier(table)}.${quoteIdentifier(column)} (${charset})`);
    const more = its.length > NAMED ? `, and ${its.length - NAMED} more` : '';
    emit({
      kind: 'warning',
      subject: database,
      text: `some characters of these columns come back as others, because a dump is in utf8mb4: ${named.join(', ')}${more}`,
      hint: 'convert such a column: ALTER TABLE … MODIFY … CHARACTER SET utf8mb4; README.md says which characters',
    });
  }
}

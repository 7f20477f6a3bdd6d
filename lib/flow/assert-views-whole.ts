import type { ViewSources } from '../archive/view-sources.ts';
import { quoteIdentifier } from '../database/sql-text.ts';
import { CoffreError } from '../model/error.ts';
import { quotePosix } from '../system/command.ts';

/** Some tables and views of a database, and where they are loaded. */
export interface Part {
  readonly database: string;
  readonly as: string;
  readonly tables: readonly string[];
  /** What is there under that name already. */
  readonly present: ReadonlySet<string>;
}

/** Throws `refused` where a view is to be loaded without what it reads: no server takes it so. */
export function assertViewsWhole(sources: ViewSources, { database, as, tables, present }: Part): void {
  const lacking = sources.lacking(tables, present);
  if (lacking.size === 0) return;
  const wanted = [...new Set([...lacking.values()].flat())].sort();
  const what = lacking.size === 1 ? 'a view reads' : `${lacking.size} views read`;
  const message = `cannot restore ${database} as ${as}: ${what} what is left out: ${wanted.join(', ')}`;
  throw new CoffreError('refused', message, {
    hint: `take that, too: ${wanted.map((table) => `--table ${quotePosix(tableWord(database, table))}`).join(' ')}`,
    findings: [...lacking].map(([view, names]) => `the view ${view} reads ${names.join(', ')}`),
  });
}

/** As `--table` takes it. */
function tableWord(database: string, table: string): string {
  const isPlain = ![database, table].some((name) => /[.`]/.test(name));
  return isPlain ? `${database}.${table}` : `${quoteIdentifier(database)}.${quoteIdentifier(table)}`;
}

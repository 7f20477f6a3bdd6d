import type { DumpStream } from './stages.ts';

/**
 * A large table whose rows are dumped beside its database, by several programs at a time. The dump of the database
 * holds the table's structure and triggers, and no row of it: `--ignore-table-data`.
 */
export interface LanedTable {
  readonly table: string;
  /** At least one. Together they hold every row once. */
  readonly lanes: readonly Lane[];
}

/**
 * Rows of a table: all that `mariadb-dump --skip-triggers [--where=…] database table` writes, of the same snapshot as
 * the dump of the database. It begins with the table's structure, so that the structure need not be waited for, and so
 * that a table that was changed meanwhile is found out.
 */
export interface Lane {
  /** The condition of these rows, as it was given to the dump program; null for all rows. */
  readonly where: string | null;
  /** Can be read once. Throws when the dump of the lane is not complete. */
  readonly stream: DumpStream;
}

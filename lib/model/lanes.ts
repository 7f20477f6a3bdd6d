import type { DumpStream } from './stages.ts';

/**
 * Tables whose rows are dumped beside their database, by several programs at a time. The dump of the database holds
 * their structures and triggers, and no row of them: `--ignore-table-data`.
 */
export interface LanedTables {
  /**
   * What `mariadb-dump --no-data --skip-triggers database table …` writes of all these tables: in the archive their
   * structures come first, and their places in the dump of the database are not waited for.
   */
  readonly structures: DumpStream;
  readonly lanes: readonly Lane[];
}

/**
 * What one program writes: `mariadb-dump --skip-triggers [--where=…] database table …`, of the same snapshot as the dump of
 * the database. Before the rows of each table stands its structure, so that a table that was changed meanwhile is found out.
 */
export interface Lane {
  /** In the order in which they are dumped; one only where it has a condition. */
  readonly rows: readonly LaneRows[];
  /** Can be read once. Throws when the dump of the lane is not complete. */
  readonly stream: DumpStream;
}

/** All rows of a table, or those that meet a condition. */
export interface LaneRows {
  readonly table: string;
  /** Which part of its table it is, from 1 on, and of how many. Together they hold every row once. */
  readonly part: number;
  readonly parts: number;
  /** The condition of these rows, as it was given to the dump program; null for all rows. */
  readonly where: string | null;
}

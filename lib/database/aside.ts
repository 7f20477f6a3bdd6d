import { createHash } from 'node:crypto';
import { DatabaseName } from '../model/names.ts';

/**
 * How far the replacing of a database has come, written down in the server itself: it outlives whoever does it.
 *
 * `begun`: nothing of the old database has been touched. `moving`: it is partly here and partly in its own place, and
 * nothing of the new one is there. `moved`: all of it is here, and what stands in its place is new. `replaced`: the new
 * one is verified, and this one goes. `kept`: the new one is loaded and could not be compared, so that a person decides.
 */
export const ASIDE_STATES = ['begun', 'moving', 'moved', 'replaced', 'kept'] as const;

/** A database that was moved out of the way of a restore. */
export interface Aside {
  /** The database that holds it now: its tables, and as text all that no server moves. */
  readonly name: DatabaseName;
  /** Whose place it had. */
  readonly database: DatabaseName;
  readonly state: (typeof ASIDE_STATES)[number];
  /** The run that was to take its place. */
  readonly run: string;
}

/** One that is found in a server, with what there is in the place that it had. */
export interface FoundAside extends Aside {
  /** `2 tables and 1 view`; null where nothing is, or an empty database. */
  readonly standing: string | null;
  /** Whether a restore is at it at this moment. */
  readonly atWork: boolean;
}

/** Characters of an identifier: https://mariadb.com/kb/en/identifier-names/#maximum-length */
const LONGEST_NAME = 64;

/** The name for a database that is moved aside at `at`. Its end is in lower case, which every server keeps as it is. */
export function asideName(database: DatabaseName, at: Date): DatabaseName {
  const time = at.toISOString().slice(0, 19).replace(/[-:]/g, '').toLowerCase();
  const suffix = `__coffre_old_${time}z`;
  const letters = [...database];
  if (letters.length + suffix.length <= LONGEST_NAME) return DatabaseName.parse(`${database}${suffix}`);
  const digest = createHash('sha256').update(database).digest('hex').slice(0, 8);
  const kept = letters.slice(0, LONGEST_NAME - suffix.length - digest.length - 1).join('');
  return DatabaseName.parse(`${kept}~${digest}${suffix}`);
}

/** Whether a database has the name of one that was moved aside. Its mark alone says that it is one. */
export function looksAside(name: string): boolean {
  return /__coffre_old_\d{8}t\d{6}z$/i.test(name);
}

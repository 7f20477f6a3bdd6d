import { MadeNames } from '../archive/made-names.ts';
import { execute } from '../database/client.ts';
import type { Connection } from '../database/connection.ts';
import { dropOwn } from '../database/drop-own.ts';
import { putBackWords } from '../database/put-back.ts';
import { quoteIdentifier } from '../database/sql-text.ts';
import type { CoffreError } from '../model/error.ts';
import type { Emit } from '../model/event.ts';
import type { DatabaseName } from '../model/names.ts';
import { quotePosix } from '../system/command.ts';
import { takeBackStatement } from './join-database.ts';
import type { Replacement } from './plan-replacements.ts';

/** What of a load that was cut short is to be taken back. */
export interface CutShort {
  readonly database: DatabaseName;
  /** What has come into a database that was there; null for one that was made. */
  readonly joined: readonly string[] | null;
  /** The names of what the load has made; undefined where it has not begun. */
  readonly made: MadeNames | undefined;
  /** The old one that waits to come back. */
  readonly old: Replacement | undefined;
}

/**
 * Drops a database whose load was cut short, or what has come into one that was there: nobody may take it for the whole one. What
 * somebody else has made in it meanwhile stays, and is told. Never throws: what could not be dropped is told as well.
 */
export async function takeBack(
  cut: CutShort,
  { code, message, hint }: CoffreError,
  { target, emit }: { readonly target: Connection; readonly emit: Emit },
): Promise<void> {
  const { database, joined, made } = cut;
  const why = code === 'interrupted' ? 'its load was cut short' : message;
  const warn = (text: string, hint: string) => emit({ kind: 'warning', subject: database, text, hint });
  const statement = takeBackStatement(database, joined);
  const dropped: Promise<readonly string[]> = joined
    ? // Another one may have foreign keys to it.
      execute(target, `SET foreign_key_checks = 0; ${statement}`).then(() => [])
    : dropOwn(target, database, made ?? new MadeNames());
  await dropped.then(
    (strange) => {
      const gone = `${why}, and what was there of it is dropped again`;
      if (strange.length === 0) return warn(gone, hint ?? `restore it alone: --database ${quotePosix(database)}`);
      warn(`${gone}, but not ${strange.join(', ')}: somebody has made that meanwhile`, strangersHint(database));
    },
    () => warn(`${why}, and what is there of it could not be dropped`, afterwards(cut, statement)),
  );
}

/** What a person can do about things that nobody else may drop. */
export function strangersHint(database: string): string {
  const name = quoteIdentifier(database);
  return `look at it: SHOW TABLES FROM ${name}; to keep a table elsewhere: RENAME TABLE ${name}.… TO …; when nobody needs it: DROP DATABASE ${name};`;
}

/** What to do about what could not be dropped: as long as there is an old one, that is what somebody wants back. */
function afterwards({ old }: CutShort, statement: string): string {
  if (!old) return `run: ${statement};`;
  return `the old one is in ${old.name}; once the server answers, put it back: ${putBackWords(old.database)}`;
}

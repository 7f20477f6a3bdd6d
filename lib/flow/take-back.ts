import { MadeNames } from '../archive/made-names.ts';
import { execute } from '../database/client.ts';
import type { Connection } from '../database/connection.ts';
import { dropOwn } from '../database/drop-own.ts';
import { putBackWords } from '../database/put-back.ts';
import { quoteIdentifier } from '../database/sql-text.ts';
import type { CoffreError } from '../model/error.ts';
import type { Emit } from '../model/event.ts';
import type { DatabaseName } from '../model/names.ts';
import type { Selection } from '../model/selection.ts';
import { quotePosix } from '../system/command.ts';
import { takeBackStatement } from './join-database.ts';
import type { Replacement } from './plan-replacements.ts';

/** What of a load that was cut short is to be taken back. */
export interface CutShort {
  readonly database: DatabaseName;
  /** What was to come into a database that was there; null for one that was made. */
  readonly joined: readonly string[] | null;
  /** The options that restore it alone. */
  readonly alone: string;
  /** The names of what the load has made; none where it has not begun. */
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
  const { database, alone, made = new MadeNames() } = cut;
  // As the server may spell them: what is not ours is not among them in any case.
  const joined = cut.joined?.filter((name) => made.has('relation', name, true)) ?? null;
  const why = code === 'interrupted' ? 'its load was cut short' : message;
  const warn = (text: string, hint: string) => emit({ kind: 'warning', subject: database, text, hint });
  const statement = takeBackStatement(database, joined);
  await drop(target, database, { joined, made, statement }).then(
    (strange) => {
      const gone = made.isEmpty
        ? `${why}; nothing of it was loaded`
        : `${why}, and what was there of it is dropped again`;
      if (strange.length === 0) return warn(gone, hint ?? `restore it alone: ${alone}`);
      warn(`${gone}, but not ${strange.join(', ')}: somebody has made that meanwhile`, strangersHint(database));
    },
    () => warn(`${why}, and what is there of it could not be dropped`, afterwards(cut, statement)),
  );
}

async function drop(
  target: Connection,
  database: DatabaseName,
  { joined, made, statement }: Pick<CutShort, 'joined'> & { readonly made: MadeNames; readonly statement: string },
): Promise<readonly string[]> {
  if (joined === null) return await dropOwn(target, database, made);
  // Another one may have foreign keys to it.
  if (joined.length > 0) await execute(target, `SET foreign_key_checks = 0; ${statement}`);
  return [];
}

/** The options by which a part of a run is named. */
export function selectingWords(database: DatabaseName, { tables, as }: Selection): string {
  const named =
    tables === null
      ? [`--database ${quotePosix(database)}`]
      : tables.map((table) => `--table ${quotePosix(dotted(database, table))}`);
  return [...named, ...(as === null ? [] : [`--as ${quotePosix(as)}`])].join(' ');
}

function dotted(database: string, table: string): string {
  const isPlain = !/[.`]/.test(database + table);
  return isPlain ? `${database}.${table}` : `${quoteIdentifier(database)}.${quoteIdentifier(table)}`;
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

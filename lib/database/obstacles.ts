import * as z from 'zod';
import { CoffreError } from '../model/error.ts';
import type { DatabaseName } from '../model/names.ts';
import type { ObjectCounts } from '../model/object-counts.ts';
import { type Obstacle, type OrphanView, readBrokenViews } from './broken-views.ts';
import type { Ask } from './client.ts';
import { quoteIdentifier } from './sql-text.ts';

/** How the server shows a folder of its data directory whose name is not an encoded one, such as lost+found. */
const FOREIGN_FOLDER = '#mysql50#';

const Named = z.object({ database: z.string(), name: z.string() });

/** Whether a database is only a folder that happens to lie in the data directory. */
export function isEmptyForeignFolder(database: DatabaseName, counts: ObjectCounts): boolean {
  return database.startsWith(FOREIGN_FOLDER) && Object.values(counts).every((count) => count === 0);
}

/**
 * Finds what the dump program would stumble over half-way, and throws `dump-failed` naming all of it, each with what mends it:
 *
 * - a view whose table is gone: the dump ends there, and lacks all that comes after it;
 * - a view on another one, or on a function, whose definer is gone: it cannot be loaded, or not even be dumped;
 * - an event with `;;` in it: the dump program looks for a delimiter for ever;
 * - events of a database with a quote in its name: the dump program cannot find that database again for them;
 * - tables in a folder without an encoded name: the dump cannot be restored;
 * - a table whose history is kept by transactions: the dump program refuses it, and without its history it could not
 *   be loaded either.
 *
 * Returns the views that are dumped, and can be loaded, and that nobody can read, as their definer is gone.
 */
export async function assertDumpable(
  ask: Ask,
  counts: ReadonlyMap<DatabaseName, ObjectCounts>,
): Promise<readonly OrphanView[]> {
  const { obstacles, orphans } = await readBrokenViews(ask, new Set(counts.keys()));
  const findings = [
    ...foreignFolders(counts),
    ...obstacles,
    ...(await endlessEvents(ask, counts)),
    ...eventsOfQuoted(counts),
    ...(await transactionHistories(ask, counts)),
  ];
  const [first] = findings;
  if (first === undefined) return orphans;
  const more = findings.length === 1 ? '' : ` (and ${findings.length - 1} more)`;
  throw new CoffreError('dump-failed', `cannot dump everything: ${first.sentence}${more}`, {
    hint: first.hint,
    // Of one alone the hint is that of the error.
    findings: findings.map(({ sentence, hint }) => (findings.length === 1 ? sentence : `${sentence} (${hint})`)),
  });
}

function foreignFolders(counts: ReadonlyMap<DatabaseName, ObjectCounts>): Obstacle[] {
  return [...counts.keys()]
    .filter((name) => name.startsWith(FOREIGN_FOLDER))
    .map((name) => ({
      sentence: `the database ${quoteIdentifier(name)} has a folder with the name of an old server`,
      hint: `run: ALTER DATABASE ${quoteIdentifier(name)} UPGRADE DATA DIRECTORY NAME; or list it under database.exclude`,
    }));
}

async function endlessEvents(ask: Ask, counts: ReadonlyMap<DatabaseName, ObjectCounts>): Promise<Obstacle[]> {
  const listed = await ask(
    `SELECT JSON_OBJECT('database', EVENT_SCHEMA, 'name', EVENT_NAME) FROM information_schema.EVENTS
     WHERE INSTR(CONCAT_WS(' ', DEFINER, EVENT_NAME, EVENT_DEFINITION, EVENT_COMMENT, INTERVAL_VALUE), ';;') > 0`,
    Named,
  );
  return listed
    .filter(({ database }) => counts.has(database as DatabaseName))
    .map(({ database, name }) => ({
      sentence: `the event ${quoteIdentifier(database)}.${quoteIdentifier(name)} has ;; in it, which no dump program gets over`,
      hint: `write it with a single ; or a blank between: SHOW CREATE EVENT ${quoteIdentifier(database)}.${quoteIdentifier(name)}`,
    }));
}

/** The dump program puts a name as a text where it selects the database of events, and that text is not the name. */
const ALTERED_AS_TEXT = /['"\\\n\r]/;

function eventsOfQuoted(counts: ReadonlyMap<DatabaseName, ObjectCounts>): Obstacle[] {
  return [...counts]
    .filter(([name, { events }]) => events > 0 && ALTERED_AS_TEXT.test(name))
    .map(([name]) => ({
      sentence: `the database ${quoteIdentifier(name)} has events, and a quote or a backslash in its name: no dump program finds them`,
      hint: 'drop its events, or move them to a database of another name; or list it under database.exclude',
    }));
}

async function transactionHistories(ask: Ask, counts: ReadonlyMap<DatabaseName, ObjectCounts>): Promise<Obstacle[]> {
  const listed = await ask(
    `SELECT JSON_OBJECT('database', TABLE_SCHEMA, 'name', TABLE_NAME) FROM information_schema.COLUMNS
     WHERE GENERATION_EXPRESSION = 'ROW START' AND DATA_TYPE = 'bigint'`,
    Named,
  );
  return listed
    .filter(({ database }) => counts.has(database as DatabaseName))
    .map(({ database, name }) => {
      const table = `${quoteIdentifier(database)}.${quoteIdentifier(name)}`;
      return {
        sentence: `the table ${table} keeps its history by transactions (ROW START as BIGINT UNSIGNED), which no dump program can dump`,
        hint: `let it keep its history by time, with columns of TIMESTAMP(6): SHOW CREATE TABLE ${table}; or list its database under database.exclude`,
      };
    });
}

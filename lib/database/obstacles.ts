import * as z from 'zod';
import { CoffreError } from '../model/error.ts';
import type { DatabaseName } from '../model/names.ts';
import type { ObjectCounts } from '../model/object-counts.ts';
import type { Ask } from './client.ts';
import { isNamed } from './own-objects.ts';
import { quoteIdentifier, quoteString } from './sql-text.ts';

/** How the server shows a folder of its data directory whose name is not an encoded one, such as lost+found. */
const FOREIGN_FOLDER = '#mysql50#';

const VIEWS_A_CHECK = 200;

const Failing = z.object({ index: z.int(), columns: z.int() });
const Named = z.object({ database: z.string(), name: z.string() });

/** Whether a database is only a folder that happens to lie in the data directory. */
export function isEmptyForeignFolder(database: DatabaseName, counts: ObjectCounts): boolean {
  return database.startsWith(FOREIGN_FOLDER) && Object.values(counts).every((count) => count === 0);
}

/**
 * Finds what the dump program would stumble over half-way, and throws `dump-failed` naming all of it, each with what mends it:
 *
 * - a view whose table is gone: the dump ends there, and lacks all that comes after it;
 * - a view whose definer is gone: it is dumped, and a view that is on it cannot be loaded then;
 * - an event with `;;` in it: the dump program looks for a delimiter for ever;
 * - events of a database with a quote in its name: the dump program cannot find that database again for them;
 * - tables in a folder without an encoded name: the dump cannot be restored;
 * - a table whose history is kept by transactions: the dump program refuses it, and without its history it could not
 *   be loaded either.
 */
export async function assertDumpable(ask: Ask, counts: ReadonlyMap<DatabaseName, ObjectCounts>): Promise<void> {
  const findings = [
    ...foreignFolders(counts),
    ...(await brokenViews(ask, counts)),
    ...(await endlessEvents(ask, counts)),
    ...eventsOfQuoted(counts),
    ...(await transactionHistories(ask, counts)),
  ];
  const [first] = findings;
  if (first === undefined) return;
  const more = findings.length === 1 ? '' : ` (and ${findings.length - 1} more)`;
  throw new CoffreError('dump-failed', `cannot dump everything: ${first.sentence}${more}`, {
    hint: first.hint,
    // Of one alone the hint is that of the error.
    findings: findings.map(({ sentence, hint }) => (findings.length === 1 ? sentence : `${sentence} (${hint})`)),
  });
}

interface Obstacle {
  readonly sentence: string;
  readonly hint: string;
}

function foreignFolders(counts: ReadonlyMap<DatabaseName, ObjectCounts>): Obstacle[] {
  return [...counts.keys()]
    .filter((name) => name.startsWith(FOREIGN_FOLDER))
    .map((name) => ({
      sentence: `the database ${quoteIdentifier(name)} has a folder with the name of an old server`,
      hint: `run: ALTER DATABASE ${quoteIdentifier(name)} UPGRADE DATA DIRECTORY NAME; or list it under database.exclude`,
    }));
}

async function brokenViews(ask: Ask, counts: ReadonlyMap<DatabaseName, ObjectCounts>): Promise<Obstacle[]> {
  const listed = await ask(
    "SELECT JSON_OBJECT('database', TABLE_SCHEMA, 'name', TABLE_NAME) FROM information_schema.VIEWS",
    Named,
  );
  const views = listed.filter(({ database }) => counts.has(database as DatabaseName));
  const broken: Obstacle[] = [];
  for (let start = 0; start < views.length; start += VIEWS_A_CHECK) {
    const some = views.slice(start, start + VIEWS_A_CHECK);
    broken.push(...(await failingViews(ask, some)));
  }
  return broken;
}

/** Each view is prepared and never run: that needs no more than SELECT, reads no row, and changes nothing. */
async function failingViews(ask: Ask, views: readonly z.infer<typeof Named>[]): Promise<Obstacle[]> {
  const probes = views.map(({ database, name }, index) => {
    const view = `${quoteIdentifier(database)}.${quoteIdentifier(name)}`;
    return `BEGIN NOT ATOMIC
      DECLARE CONTINUE HANDLER FOR SQLEXCEPTION SELECT JSON_OBJECT('index', ${index}, 'columns', (
        SELECT COUNT(*) FROM information_schema.COLUMNS
        WHERE ${isNamed('TABLE_SCHEMA', database)} AND ${isNamed('TABLE_NAME', name)}));
      PREPARE coffre_probe FROM ${quoteString(`SELECT * FROM ${view}`)};
    END`;
  });
  if (probes.length === 0) return [];
  const rows = await ask(`DELIMITER //\n${probes.join('//\n')}//\nDELIMITER ;\nDO 0`, Failing);
  return rows.flatMap(({ index, columns }) => {
    const view = views[index];
    if (!view) return [];
    const name = `${quoteIdentifier(view.database)}.${quoteIdentifier(view.name)}`;
    // What it is on is there where the server can tell its columns: then it is an account that is missing.
    if (columns === 0) {
      const hint = `look at: SHOW CREATE VIEW ${name}; then mend or drop it`;
      return [{ sentence: `the view ${name} cannot be read: what it refers to is gone`, hint }];
    }
    return [
      {
        sentence: `the view ${name} cannot be read: its definer is no account any more, or that of a view that it is on`,
        hint: `look at: SHOW CREATE VIEW ${name}; make that account again, or ALTER DEFINER = … VIEW ${name} AS …`,
      },
    ];
  });
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

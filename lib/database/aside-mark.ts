import * as z from 'zod';
import { DatabaseName } from '../model/names.ts';
import { sleep } from '../system/clock.ts';
import { ASIDE_STATES, type Aside, type FoundAside, looksAside } from './aside.ts';
import { type Ask, execute } from './client.ts';
import type { Connection } from './connection.ts';
import { replacementLockName } from './replacement-lock.ts';
import { quoteIdentifier, quoteString } from './sql-text.ts';
import { readStanding } from './standing.ts';

/** The table that says what a database is here for: without it nothing is taken for one that was moved aside. */
export const MARK = '@coffre_aside';

/** How a database is made anew: none of it is in its tables. */
export interface DatabaseDefaults {
  readonly characterSet: string;
  readonly collation: string;
  readonly comment: string;
}

type Mark = Aside & DatabaseDefaults;

const Row = z.object({
  database: DatabaseName,
  run: z.string(),
  state: z.enum(ASIDE_STATES),
  characterSet: z.string().regex(/^\w+$/),
  collation: z.string().regex(/^\w+$/),
  comment: z.string(),
});
const Named = z.object({ name: DatabaseName });
const Busy = z.object({ busy: z.int() });

/** Makes the database that takes what is moved aside, marked as `begun`. */
export async function beginAside(
  connection: Connection,
  { name, ...about }: Omit<Aside, 'state'> & DatabaseDefaults,
): Promise<void> {
  await execute(
    connection,
    `CREATE DATABASE ${quoteIdentifier(name)} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
     CREATE TABLE ${tableOf(name)} (state VARCHAR(16) NOT NULL, about LONGTEXT NOT NULL) ENGINE=InnoDB;
     INSERT INTO ${tableOf(name)} VALUES ('begun', ${quoteString(JSON.stringify(about))})`,
  );
}

/** Notes how far it has come, of one or of several at once: in one statement, which takes effect or does not. */
export async function setAsideState(
  connection: Connection,
  names: DatabaseName | readonly DatabaseName[],
  state: Aside['state'],
): Promise<void> {
  const marks = [names]
    .flat()
    .map((name, index) => ({ table: `${tableOf(name)} AS mark${index}`, set: `mark${index}.state` }));
  const sets = marks.map(({ set }) => `${set} = ${quoteString(state)}`);
  await execute(connection, `UPDATE ${marks.map(({ table }) => table).join(', ')} SET ${sets.join(', ')}`);
}

/** What the mark says; undefined where a server that died has left it without its row: nothing is in there then. */
export async function readMark(ask: Ask, name: DatabaseName): Promise<Mark | undefined> {
  const [row] = await ask(`SELECT JSON_INSERT(about, '$.state', state) FROM ${tableOf(name)}`, Row);
  return row && { name, ...row };
}

/** Every database of the server that was moved aside, and is still there. */
export async function readAsides(ask: Ask): Promise<readonly FoundAside[]> {
  const marked = await ask(
    `SELECT JSON_OBJECT('name', TABLE_SCHEMA COLLATE utf8mb3_bin) FROM information_schema.TABLES WHERE TABLE_NAME = '${MARK}'`,
    Named,
  );
  const found: FoundAside[] = [];
  for (const { name } of marked.filter((each) => looksAside(each.name))) {
    const mark = await readMark(ask, name);
    if (!mark) continue;
    const { database, state, run } = mark;
    const [lock] = await ask(
      `SELECT JSON_OBJECT('busy', IF(IS_USED_LOCK(${replacementLockName(database)}) IS NULL, 0, 1))`,
      Busy,
    );
    const standing = await readStanding(ask, database);
    found.push({ name, database, state, run, standing, atWork: lock?.busy === 1 });
  }
  return found;
}

/** A session outlives the one who was killed by a moment. */
const LOOKS = 7;
const PAUSE_MS = 500;

/** The same; of a restore that was killed just now none is said to be at work. */
export async function readAsidesAtRest(ask: Ask): Promise<readonly FoundAside[]> {
  for (let look = 1; ; look += 1) {
    const found = await readAsides(ask);
    if (look === LOOKS || !found.some(({ atWork }) => atWork)) return found;
    await sleep(PAUSE_MS);
  }
}

function tableOf(name: DatabaseName): string {
  return `${quoteIdentifier(name)}.${quoteIdentifier(MARK)}`;
}

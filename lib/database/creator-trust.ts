import { randomBytes } from 'node:crypto';
import * as z from 'zod';
import { DatabaseName } from '../model/names.ts';
import { type Ask, execute, query } from './client.ts';
import type { Connection } from './connection.ts';
import { Session } from './session.ts';
import { quoteIdentifier, quoteString } from './sql-text.ts';

/*
 * With its binary log on, a server takes functions and triggers only from whom it trusts, or from everybody who may make
 * them: log_bin_trust_function_creators. That is a setting of the whole server, and outlives whoever has set it and was
 * killed. So it stands in the server what it was set for: as an empty database of a name of its own, one for each restore,
 * that the restore drops when it has set it back. The lock that goes with it says whether the restore is still there. None
 * of it is logged: on a replica it would say what is not so. Whoever may set the one may leave the log out, too.
 */

/** A restore that had the server trust everybody. */
export interface TrustMark {
  readonly name: DatabaseName;
  /** Whether it is at work at this moment; otherwise it was killed. */
  readonly atWork: boolean;
}

const PREFIX = '__coffre_trust_';
const COMMENT = 'a restore of coffre has set log_bin_trust_function_creators to 1, and sets it back to 0 at its end';

/** A session that says nothing is given up by the server; a restore may take a day. */
const WAIT_SECONDS = 7 * 24 * 3600;
/** Two that begin or end at once take turns; each takes a moment. */
const TURN = "GET_LOCK('coffre trust', 30)";

const Name = z.object({ name: DatabaseName });
const Got = z.object({ got: z.int().nullable() });
const Busy = z.object({ busy: z.int() });

export function isTrustMark(name: string): boolean {
  return /^__coffre_trust_[0-9a-f]{16}$/i.test(name);
}

export async function readTrustMarks(ask: Ask): Promise<readonly TrustMark[]> {
  const named = await ask(
    `SELECT JSON_OBJECT('name', SCHEMA_NAME) FROM information_schema.SCHEMATA WHERE LOCATE('${PREFIX}', SCHEMA_NAME) = 1`,
    Name,
  );
  const marks: TrustMark[] = [];
  for (const { name } of named.filter((each) => isTrustMark(each.name))) {
    const [lock] = await ask(`SELECT JSON_OBJECT('busy', IF(IS_USED_LOCK(${quoteString(name)}) IS NULL, 0, 1))`, Busy);
    marks.push({ name, atWork: lock?.busy === 1 });
  }
  return marks;
}

/** The server takes functions and triggers from everybody who may make them, from `begin` to `end`. */
export class CreatorTrust {
  readonly #connection: Connection;
  readonly #session: Session;
  readonly #name: string;

  /** Throws by the table. */
  static async begin(server: Connection): Promise<CreatorTrust> {
    const connection = { ...server, unlogged: true };
    const session = await Session.open(connection);
    const name = `${PREFIX}${randomBytes(8).toString('hex')}`;
    try {
      await session.execute(`SET SESSION wait_timeout = ${WAIT_SECONDS}`);
      await session.ask(`SELECT JSON_OBJECT('got', GET_LOCK(${quoteString(name)}, 5))`, Got);
      await session.ask(`SELECT JSON_OBJECT('got', ${TURN})`, Got);
      await execute(
        connection,
        `CREATE DATABASE ${quoteIdentifier(name)} COMMENT ${quoteString(COMMENT)};\n${setting(true)}`,
      );
      await session.execute("DO RELEASE_LOCK('coffre trust')");
      return new CreatorTrust(connection, session, name);
    } catch (error) {
      await session.close();
      await endTrust(connection).catch(() => undefined); // the error says why; the mark stays for the next one
      throw error;
    }
  }

  private constructor(connection: Connection, session: Session, name: string) {
    this.#connection = connection;
    this.#session = session;
    this.#name = name;
  }

  /** Sets it back, unless another restore needs it. Throws by the table; then the mark stays, and the next restore does it. */
  async end(): Promise<void> {
    try {
      await this.#session.execute(`DO RELEASE_LOCK(${quoteString(this.#name)})`);
    } finally {
      await this.#session.close();
    }
    await endTrust(this.#connection);
  }
}

/**
 * Sets it back for those who have not come to that, unless somebody needs it at this moment. Returns whether there were any.
 * Throws by the table.
 */
export async function endTrust(server: Connection): Promise<boolean> {
  const connection = { ...server, unlogged: true };
  const session = await Session.open(connection);
  try {
    await session.ask(`SELECT JSON_OBJECT('got', ${TURN})`, Got);
    const ask: Ask = (sql, row) => query(connection, sql, row);
    const marks = await readTrustMarks(ask);
    const left = marks.filter(({ atWork }) => !atWork);
    if (left.length === 0) return false;
    // First the setting: killed in between, the mark still says so.
    const back = left.length === marks.length ? setting(false) : '';
    const drops = left.map(({ name }) => `DROP DATABASE IF EXISTS ${quoteIdentifier(name)};\n`);
    await execute(connection, `${back}${drops.join('')}`);
    return true;
  } finally {
    await session.close();
  }
}

function setting(trusted: boolean): string {
  return `SET GLOBAL log_bin_trust_function_creators = ${trusted ? 1 : 0};\n`;
}

import { createHash } from 'node:crypto';
import * as z from 'zod';
import { CoffreError } from '../model/error.ts';
import { sleep } from '../system/clock.ts';
import { query } from './client.ts';
import type { Connection } from './connection.ts';
import { Session } from './session.ts';
import { quoteString } from './sql-text.ts';

/** One who replaces databases holds this; the server lets go of it when he dies. */
export interface ReplacementLock {
  release(): Promise<void>;
}

/** A server gives up sessions that say nothing; a restore may take a day. */
const WAIT_SECONDS = 7 * 24 * 3600;

/** So long a session may outlive the one who was killed. */
const PATIENCE_SECONDS = 3;

const Got = z.object({ got: z.int().nullable() });
const Busy = z.object({ busy: z.int() });

/**
 * Makes this the only one who replaces these databases of the server, until it is released. Waits until nothing works at
 * `asides` any more: what somebody who was killed had asked for, the server brings to its end. Throws `locked`.
 */
export async function lockReplacement(
  connection: Connection,
  databases: readonly string[],
  asides: readonly string[],
): Promise<ReplacementLock> {
  const session = await Session.open(connection);
  try {
    await session.execute(`SET SESSION wait_timeout = ${WAIT_SECONDS}`);
    for (const database of databases) {
      const [row] = await session.ask(
        `SELECT JSON_OBJECT('got', GET_LOCK(${replacementLockName(database)}, ${PATIENCE_SECONDS}))`,
        Got,
      );
      if (row?.got !== 1) throw taken(database);
    }
    for (const aside of asides) await untilQuiet(connection, aside);
  } catch (error) {
    await session.close();
    throw error;
  }
  return { release: () => session.close() };
}

/** As SQL. A name of a lock is no longer than 64 characters: https://mariadb.com/kb/en/get_lock/ */
export function replacementLockName(database: string): string {
  return quoteString(`coffre ${createHash('sha256').update(database).digest('hex').slice(0, 40)}`);
}

const QUIET_TRIES = 600;

async function untilQuiet(connection: Connection, aside: string): Promise<void> {
  const sql = `SELECT JSON_OBJECT('busy', COUNT(*)) FROM information_schema.PROCESSLIST
    WHERE ID <> CONNECTION_ID() AND LOCATE(${quoteString(aside)}, INFO) > 0`;
  for (let tries = 0; tries < QUIET_TRIES; tries += 1) {
    const [row] = await query(connection, sql, Busy);
    if ((row?.busy ?? 0) === 0) return;
    await sleep(500);
  }
  throw new CoffreError('locked', `cannot put ${aside} back: a statement is still at work on it`, {
    hint: 'look at: SHOW FULL PROCESSLIST',
  });
}

function taken(database: string): CoffreError {
  return new CoffreError('locked', `cannot replace ${database}: another restore is at it`, {
    hint: 'wait for it, or look for it: SHOW FULL PROCESSLIST',
  });
}

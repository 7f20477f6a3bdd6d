import * as z from 'zod';
import { CoffreError } from '../model/error.ts';
import type { DatabaseName } from '../model/names.ts';
import { query } from './client.ts';
import type { Connection } from './connection.ts';
import { quoteIdentifier, quoteString } from './sql-text.ts';

/** The states of a session that waits for another one begin so: for the lock of a table or of a backup, for a flush. */
const STATE = 'Waiting for%';
/** How the statements begin by which the dump program reads what can be locked. */
const STATEMENTS = ['SELECT /*!40001 SQL_NO_CACHE */ %', 'show %'];

const Waiting = z.object({ database: z.string().nullable(), statement: z.string() });

/**
 * Finds out that a dump program waits for what somebody else keeps locked, as with LOCK TABLES … WRITE. It would wait for
 * as long as the server's `lock_wait_timeout` says, a day unless somebody has set it, and has no option for a session's
 * variable (as of mariadb-dump 11.8). So a program that is asked for more, and is silent for the limit, is looked for among
 * the sessions of its account, which any account may see. Each statement may wait for the limit: whoever locks one table
 * after another is waited for each time. Waiting holds nobody up.
 */
export class LockWatch {
  readonly #connection: Connection;
  readonly #limitMs: number;
  readonly #databases: readonly DatabaseName[];
  #timer: NodeJS.Timeout | undefined;
  #askedAt: number | undefined;
  #looking = false;

  /** `databases` are those that the program reads; any where there are none. */
  constructor(connection: Connection, limitMs: number, databases: readonly DatabaseName[]) {
    this.#connection = connection;
    this.#limitMs = limitMs;
    this.#databases = databases;
  }

  /** Calls `giveUp`, with a `lock-timeout`, once the program has waited for too long. */
  start(giveUp: (error: CoffreError) => void): void {
    this.#timer = setInterval(() => void this.#look(giveUp), Math.max(500, this.#limitMs / 10)).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** The program is asked for more. For each chunk of the bulk data: nothing may cost much here. */
  asks(): void {
    this.#askedAt = performance.now();
  }

  hears(): void {
    this.#askedAt = undefined;
  }

  async #look(giveUp: (error: CoffreError) => void): Promise<void> {
    if (this.#looking || this.#askedAt === undefined || performance.now() - this.#askedAt < this.#limitMs) return;
    this.#looking = true;
    // A server that takes no more connections, or is gone: the program itself is told.
    const [waiting] = await query(this.#connection, this.#question(), Waiting).catch(() => []);
    this.#looking = false;
    if (!waiting || this.#timer === undefined || this.#askedAt === undefined) return;
    this.stop();
    giveUp(
      new CoffreError(
        'lock-timeout',
        `cannot dump ${nameOf(waiting)}: another session has kept it locked for more than ${this.#limitMs / 1000} s`,
        { hint: HINT },
      ),
    );
  }

  #question(): string {
    const statements = STATEMENTS.map((each) => `INFO LIKE ${quoteString(each)}`).join(' OR ');
    const ours = this.#databases.map(quoteString).join(', ');
    return `SELECT JSON_OBJECT('database', DB, 'statement', INFO) FROM information_schema.PROCESSLIST
      WHERE USER = SUBSTRING_INDEX(USER(), '@', 1) AND STATE LIKE ${quoteString(STATE)} AND TIME_MS >= ${this.#limitMs}
        AND (${statements})${ours === '' ? '' : ` AND DB IN (${ours})`} ORDER BY TIME_MS DESC LIMIT 1`;
  }
}

const HINT =
  'look at: SHOW OPEN TABLES WHERE In_use > 0; SHOW FULL PROCESSLIST; or raise database.snapshot.lockWaitSeconds';

/** What is read by such a statement: names stand in backticks, and only there. */
function nameOf({ database, statement }: z.infer<typeof Waiting>): string {
  const words = statement.match(/`(?:[^`]|``)*`|[^`]+/g) ?? [];
  const table = words.find((word, index) => word.startsWith('`') && /\b(FROM|TABLE) $/i.test(words[index - 1] ?? ''));
  if (database === null) return 'a table';
  if (table === undefined) return `a table of the database ${quoteIdentifier(database)}`;
  return `the table ${quoteIdentifier(database)}.${table}`;
}

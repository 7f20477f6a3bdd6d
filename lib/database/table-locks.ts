import type { DatabaseName } from '../model/names.ts';
import type { Bytes } from '../model/stages.ts';
import type { BarrierLimits } from './barrier.ts';
import type { Connection } from './connection.ts';
import { databasesOf, type RunningDump } from './dump-set.ts';
import type { ServerFacts } from './inspect-server.ts';
import { Session } from './session.ts';
import { quoteIdentifier } from './sql-text.ts';

/** A night may be longer than the server's own `wait_timeout`. */
const A_WEEK_S = 7 * 24 * 3600;

/**
 * Keeps tables from being written to, for engines that have no snapshot: a session of its own that holds FLUSH TABLES …
 * WITH READ LOCK, under which anybody may read. The server lets go of them when the session ends, whatever becomes of
 * this process.
 *
 * Not LOCK TABLES … READ: a writer then waits in the table's own queue, in which such engines put readers behind it, so
 * that the dump would wait for the writer, and the writer for the dump.
 */
export class TableLocks {
  /** How many tables are locked. */
  readonly count: number;
  readonly #session: Session;
  readonly #databases: ReadonlySet<DatabaseName>;
  #dumping = 0;

  /**
   * Locks all tables without transactions; undefined when there are none. Beside a barrier MUST be called before it.
   * Throws `lock-timeout` when somebody uses one of them, in a statement or in a transaction that is open, for longer than the limit:
   * whoever wants to use it meanwhile waits, too.
   */
  static async take(
    connection: Connection,
    { databases }: ServerFacts,
    { lockWaitMs: waitMs }: BarrierLimits,
  ): Promise<TableLocks | undefined> {
    const tables = databases.flatMap(({ name, nonTransactional }) =>
      nonTransactional.map(({ table }) => ({ database: name, table })),
    );
    if (tables.length === 0) return undefined;
    const session = await Session.open(connection);
    try {
      const names = tables.map(({ database, table }) => `${quoteIdentifier(database)}.${quoteIdentifier(table)}`);
      const waitS = Math.max(1, Math.ceil(waitMs / 1000));
      await session.execute(`SET SESSION lock_wait_timeout = ${waitS}, wait_timeout = ${A_WEEK_S}`);
      await session.execute(`FLUSH TABLES ${names.join(', ')} WITH READ LOCK`, waitMs + 15_000);
      return new TableLocks(session, tables);
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  private constructor(session: Session, tables: readonly { readonly database: DatabaseName }[]) {
    this.#session = session;
    this.count = tables.length;
    this.#databases = new Set(tables.map(({ database }) => database));
  }

  /**
   * `output` of a dump under these locks. When the last dump that has such tables is at its end, all are released. Fails
   * then when the locks were lost meanwhile. MUST be called for all dumps before any is read.
   */
  during(of: RunningDump['of'], output: Bytes): Bytes {
    if (!databasesOf(of).some((database) => this.#databases.has(database))) return output;
    this.#dumping += 1;
    return this.#watched(output);
  }

  async *#watched(output: Bytes): Bytes {
    yield* output;
    this.#dumping -= 1;
    if (this.#dumping > 0) return;
    await this.#session.execute('UNLOCK TABLES');
    await this.#session.close();
  }

  async close(): Promise<void> {
    await this.#session.close();
  }
}

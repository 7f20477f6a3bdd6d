import { asCoffreError, CoffreError, type ErrorCode } from '../model/error.ts';
import type { DatabaseName } from '../model/names.ts';
import type { Bytes } from '../model/stages.ts';
import { sleep } from '../system/clock.ts';
import { query } from './client.ts';
import { KEEP_SCHEMA } from './client-failure.ts';
import type { Connection } from './connection.ts';
import { changedDefinitions, type Definitions, madeDefinitions, readDefinitions } from './definitions.ts';
import { databasesOf, type RunningDump } from './dump-set.ts';

/** A dump of hours is not to be lost because all connections are taken for a moment. */
const PATIENCE_MS = 60_000;
const PAUSE_MS = 1000;
/** A table that is gone is told as any other failure. */
const CHANGE_OR_ITS_RESULT: readonly ErrorCode[] = ['schema-changed', 'dump-failed'];

/**
 * Refuses a dump during which something was defined anew. A snapshot is of rows only: the dump program asks for the
 * definition of each table when it comes to it. The server stops it for a table that was rebuilt or emptied meanwhile,
 * but not for one that got or lost a column in an instant, that another one was renamed to, or for a view, a trigger, a
 * routine or an event: such a dump would look complete, and be of no moment at all.
 *
 * Whatever changes between the snapshot and the end of a program counts, also where the program was past it: when that
 * was, nobody can tell.
 */
export class SchemaWatch {
  readonly #connection: Connection;
  readonly #before: Definitions;
  readonly #isOver: () => boolean;

  /** `before` MUST be of the moment of the snapshot, or earlier. Once `isOver`, nobody asks why a dump has ended. */
  constructor(connection: Connection, before: Definitions, isOver: () => boolean) {
    this.#connection = connection;
    this.#before = before;
    this.#isOver = isOver;
  }

  /** `output` of a dump. Throws `schema-changed` at its end when something that it is to hold was defined anew. */
  async *during(of: RunningDump['of'], output: Bytes): Bytes {
    const databases = databasesOf(of);
    try {
      yield* output;
    } catch (error) {
      // The dump program knows that something has changed, but not everything that has.
      if (!this.#isOver() && CHANGE_OR_ITS_RESULT.includes(asCoffreError(error).code)) {
        await this.#assertSame(databases, error);
      }
      throw error;
    }
    await this.#assertSame(databases);
  }

  /**
   * The error of a dump of `databases` that holds other objects than were counted: `schema-changed` where something there
   * was made, changed or dropped meanwhile, otherwise `error` itself.
   */
  async explain(databases: readonly DatabaseName[], error: unknown): Promise<unknown> {
    if (this.#isOver() || asCoffreError(error).code !== 'dump-incomplete') return error;
    return await this.#assertSame(databases, error, true).then(
      () => error,
      (explained: unknown) => explained,
    );
  }

  async #assertSame(databases: readonly DatabaseName[], cause?: unknown, madeToo = false): Promise<void> {
    if (databases.length === 0) return;
    const now = await this.#read(databases).catch((error: unknown) => {
      throw cause ?? error;
    });
    const made = madeToo ? madeDefinitions(this.#before, now, databases) : [];
    const findings = [...new Set([...changedDefinitions(this.#before, now, databases), ...made])];
    const [first] = findings;
    if (first === undefined) return;
    const more = findings.length === 1 ? '' : ` (and ${findings.length - 1} more)`;
    throw new CoffreError('schema-changed', `cannot accept the dump: ${first} during the dump${more}`, {
      hint: KEEP_SCHEMA,
      findings,
      cause,
    });
  }

  async #read(databases: readonly DatabaseName[]): Promise<Definitions> {
    const [only, ...others] = databases;
    for (const giveUpAt = Date.now() + PATIENCE_MS; ; await sleep(PAUSE_MS)) {
      try {
        return await readDefinitions(
          (sql, row) => query(this.#connection, sql, row),
          others.length === 0 ? only : undefined,
        );
      } catch (error) {
        if (asCoffreError(error).code !== 'too-many-connections' || Date.now() > giveUpAt) throw error;
      }
    }
  }
}

import type { ZodType } from 'zod';
import { CoffreError } from '../model/error.ts';
import { type Running, start, terminate } from '../system/command.ts';
import { requireProgram } from '../system/programs.ts';
import { machineArguments, parseRows } from './client.ts';
import { clientFailure } from './client-failure.ts';
import { type Connection, clientUser, describeServer } from './connection.ts';
import { describeLock } from './describe-lock.ts';

const DONE = 'coffre: answered';

/**
 * One connection that stays open: what holds a lock. The server drops the lock when the client program dies,
 * so that nothing that happens here can leave a server locked. After any error the session is over.
 */
export class Session {
  readonly #connection: Connection;
  readonly #running: Running;
  #text = '';
  #wake: () => void = () => undefined;
  #over = false;

  static async open(connection: Connection): Promise<Session> {
    const program = requireProgram('mariadb');
    const args = [...(await machineArguments(connection)), '--raw', '--unbuffered'];
    const session = new Session(connection, start(program, args, { as: await clientUser(connection) }));
    await session.execute('DO 0');
    return session;
  }

  private constructor(connection: Connection, running: Running) {
    this.#connection = connection;
    this.#running = running;
    running.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#text += text;
      this.#wake();
    });
    void running.ended.then(() => {
      this.#over = true;
      this.#wake();
    });
  }

  /** Runs a statement that answers nothing. Throws as `ask`. */
  async execute(sql: string, timeoutMs?: number): Promise<void> {
    await this.#answer(sql, timeoutMs);
  }

  /** As `query`, on this connection. After `timeoutMs` the connection is cut and `dump-failed` thrown. */
  async ask<Row>(sql: string, row: ZodType<Row>, timeoutMs?: number): Promise<Row[]> {
    return parseRows(await this.#answer(sql, timeoutMs), row);
  }

  async close(): Promise<void> {
    this.#running.stdin.end();
    terminate(this.#running.child);
    await this.#running.ended;
  }

  async #answer(sql: string, timeoutMs = 60_000): Promise<string> {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      terminate(this.#running.child);
    }, timeoutMs);
    this.#running.stdin.write(`${sql};\nSELECT '${DONE}';\n`);
    try {
      for (;;) {
        const end = this.#text.search(new RegExp(`^${DONE}$\n`, 'm'));
        if (end >= 0) {
          const answer = this.#text.slice(0, end);
          this.#text = this.#text.slice(end + DONE.length + 1);
          return answer;
        }
        if (this.#over) throw await this.#failure(sql, late, timeoutMs);
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    } finally {
      clearTimeout(timer);
    }
  }

  async #failure(sql: string, late: boolean, timeoutMs: number): Promise<CoffreError> {
    const server = describeServer(this.#connection);
    const lock = describeLock(sql);
    const what = lock === undefined ? `hold a session with ${server}` : `${lock} in ${server}`;
    if (!late) return clientFailure(what, this.#connection, await this.#running.ended);
    return new CoffreError('dump-failed', `cannot ${what}: no answer within ${timeoutMs / 1000} s`, {
      hint: 'look at what others run there: SHOW FULL PROCESSLIST',
    });
  }
}

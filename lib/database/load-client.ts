import type { CoffreError } from '../model/error.ts';
import { type Ended, type Running, start, terminate } from '../system/command.ts';
import { requireProgram } from '../system/programs.ts';
import { errorLine } from './client-failure.ts';
import { type Connection, clientArguments, clientUser, describeServer, sessionSettings } from './connection.ts';
import { loadFailure } from './load-failure.ts';

/**
 * Without these the client drops the comments in the bodies of routines, triggers and events, and turns their line
 * ends from CR LF into LF.
 */
const FAITHFUL = ['--comments', '--binary-mode'];

/**
 * What a server has taken under looser rules than it has by default is in the dump, and has to go in again. And no limit
 * of rows may keep an answer back.
 */
const LOOSE =
  'innodb_strict_mode=0, check_constraint_checks=0, sql_quote_show_create=1, sql_select_limit=18446744073709551615';

const MACHINE = ['--batch', '--default-character-set=utf8mb4', '--max-allowed-packet=1G'];

/** Starts the client as a loader: what it reads goes in as it was dumped. It ends at the first error, but for `extra`. */
export async function startLoader(connection: Connection, extra: readonly string[] = []): Promise<Running> {
  const program = requireProgram('mariadb');
  const settings = sessionSettings(connection, LOOSE);
  const words = [...(await clientArguments(connection)), ...FAITHFUL, settings, ...MACHINE, ...extra];
  return start(program, words, { as: await clientUser(connection) });
}

/** As much is held of what was handed over, and twice as much while the client is busy. */
const HELD_BYTES = 512 * 1024;

/** What is about a line of what a client has read, for sentences; undefined where nobody knows. */
export type PlaceAt = (line: number) => string | undefined;

/**
 * One connection of a load, which takes SQL bit by bit, several of them side by side. What it has been handed it runs in
 * order. After any error it is over: every method then throws that error.
 */
export class LoadClient {
  readonly #running: Running;
  readonly #explain: (ended: Omit<Ended, 'stdout'>) => CoffreError;
  #filling: Buffer | undefined;
  #filled = 0;
  #spare: Buffer | undefined;
  #writing: Promise<void> = Promise.resolve();
  #isWriting = false;
  #asked = 0;
  #answered = 0;
  #text = '';
  #ended: Omit<Ended, 'stdout'> | undefined;
  #news: Promise<void>;
  #wake: () => void = () => undefined;

  /** `placeAt` says what a line of all that was written is about. */
  static async open(connection: Connection, subject: string, placeAt: PlaceAt): Promise<LoadClient> {
    return new LoadClient(await startLoader(connection, ['--skip-column-names', '--unbuffered']), (ended) => {
      const line = errorLine(ended.stderr);
      const place = line === undefined ? undefined : placeAt(line);
      const what = place === undefined ? subject : `${place} of ${subject}`;
      return loadFailure(`load ${what} into ${describeServer(connection)}`, connection, ended);
    });
  }

  private constructor(running: Running, explain: (ended: Omit<Ended, 'stdout'>) => CoffreError) {
    this.#running = running;
    this.#explain = explain;
    this.#news = this.#next();
    running.stdout.setEncoding('latin1').on('data', (text: string) => this.#hear(text));
    void running.ended.then((ended) => {
      this.#ended = ended;
      this.#tell();
    });
  }

  /** Whether `write` would have to wait for the client. */
  get isBusy(): boolean {
    return this.#isWriting && this.#filled > 0;
  }

  /** Settles once `isBusy` is false. Throws what the client failed with. */
  async free(): Promise<void> {
    while (this.isBusy) await this.#writing;
  }

  /** Takes a copy of `bytes`, and settles when there is room for more. */
  async write(bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      if (this.#filled === HELD_BYTES) await this.#writing;
      this.#filling ??= this.#spare ?? Buffer.allocUnsafeSlow(HELD_BYTES);
      if (this.#filling === this.#spare) this.#spare = undefined;
      const copied = bytes.copy(this.#filling, this.#filled, at);
      this.#filled += copied;
      at += copied;
      if (!this.#isWriting) this.#put();
    }
  }

  /** SQL that may be written where a statement may stand, and a promise that settles when the client has come to it. */
  ask(): { readonly sql: Buffer; readonly answered: () => Promise<void> } {
    this.#asked += 1;
    const number = this.#asked;
    // Put together by the server: a client that is told by an option file to repeat what it runs gives no answer by that.
    const sql = Buffer.from(`SELECT CONCAT('${ANSWER}', '${number}');\n`);
    return { sql, answered: () => this.#untilAnswered(number) };
  }

  async #untilAnswered(number: number): Promise<void> {
    while (this.#answered < number) {
      if (this.#ended) throw this.#explain(this.#ended);
      await this.#news;
    }
  }

  /** Ends the connection when all that was written has been carried out. */
  async close(): Promise<void> {
    while (this.#isWriting) await this.#writing;
    this.#running.stdin.end();
    const ended = await this.#running.ended;
    if (ended.exitCode !== 0 || ended.stderr !== '') throw this.#explain(ended);
  }

  /** Ends the client at once. What it was at is taken back by the server, but for what commits by itself. */
  async stop(): Promise<void> {
    terminate(this.#running.child);
    await this.#running.ended;
  }

  /** Hands what there is to the client, and then what has come meanwhile. */
  #put(): void {
    const [bytes, length] = [this.#filling, this.#filled];
    if (!bytes || length === 0) return;
    this.#filling = undefined;
    this.#filled = 0;
    this.#isWriting = true;
    const { stdin } = this.#running;
    this.#writing = new Promise<unknown>((settle) => stdin.write(bytes.subarray(0, length), settle)).then(
      async (failed) => {
        if (failed || stdin.destroyed) throw this.#explain(await this.#running.ended);
        this.#isWriting = false;
        this.#spare = bytes;
        this.#put();
      },
    );
    this.#writing.catch(() => undefined);
  }

  #hear(text: string): void {
    const lines = (this.#text + text).split('\n');
    this.#text = (lines.pop() ?? '').slice(-LINE_LIMIT);
    for (const line of lines) {
      const number = FOUND.exec(line)?.[1];
      if (number !== undefined) this.#answered = Math.max(this.#answered, Number(number));
    }
    this.#tell();
  }

  #tell(): void {
    const wake = this.#wake;
    this.#news = this.#next();
    wake();
  }

  #next(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

const ANSWER = 'coffre: done ';
const FOUND = /coffre: done (\d+)/;
const LINE_LIMIT = 1000;

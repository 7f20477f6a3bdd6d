import type * as z from 'zod';
import type { CoffreError } from '../model/error.ts';
import type { SnapshotRecord } from '../model/snapshot-record.ts';
import type { Bytes } from '../model/stages.ts';
import { type Running, type SystemUser, start, terminate } from '../system/command.ts';
import { clientFailure } from './client-failure.ts';
import type { Connection } from './connection.ts';
import type { DumpProgram } from './dump-program.ts';
import { allowInvalidDates } from './invalid-dates.ts';
import type { LockWatch } from './lock-watch.ts';

export type BinlogPosition = NonNullable<z.infer<typeof SnapshotRecord>['binlog']>;

/** The last statement of the head that the dump program writes before it starts its transaction. */
const HEAD_END = /^\/\*!40111 SET @OLD_SQL_NOTES=@@SQL_NOTES, SQL_NOTES=0 \*\/;\n/m;
const POSITION = /^-- CHANGE MASTER TO MASTER_LOG_FILE='([^'\n]+)', MASTER_LOG_POS=(\d+);\n/m;
const TRAILER = /\n-- Dump completed(?: on [^\n]*)?\n?$/;
const TRAILER_BYTES = 256;
/** The head is two kilobytes; a program that has not come to its end by here is not the one we know. */
const HEAD_LIMIT = 4 * 1024 * 1024;
/** What is left of it to be changed is sooner. */
const HEAD_BYTES = 64 * 1024;

/**
 * One run of the dump program, in two steps: up to the moment from which it sees its snapshot, and then its output.
 * Succeeds only with exit code 0, the trailer, and nothing on standard error.
 */
export class DumpProcess {
  readonly #running: Running;
  readonly #chunks: AsyncIterator<Buffer>;
  readonly #head: Buffer[] = [];
  readonly #explain: (ended: Awaited<Running['ended']>) => CoffreError;
  readonly #watch: LockWatch | undefined;

  /**
   * `command` is that of the DumpProgram; `subject` names what is dumped, for sentences; `as` is the connection's
   * `clientUser`. With a `watch` the program is ended, as `lock-timeout`, when that gives it up.
   */
  constructor(
    [program, ...words]: DumpProgram['command'],
    args: readonly string[],
    subject: string,
    connection: Connection,
    { as, watch }: { readonly as?: SystemUser | undefined; readonly watch?: LockWatch | undefined } = {},
  ) {
    this.#running = start(program, [...words, ...args], { as });
    this.#running.stdin.end();
    // When a program ends before anybody has read from it, Node throws away what it wrote, unless somebody listens.
    this.#running.stdout.on('readable', () => undefined);
    this.#chunks = this.#running.stdout[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    let givenUp: CoffreError | undefined;
    this.#explain = (ended) => givenUp ?? clientFailure(`dump ${subject}`, connection, ended);
    this.#watch = watch;
    watch?.start((error) => {
      givenUp = error;
      terminate(this.#running.child);
    });
  }

  /**
   * Reads until the program is past START TRANSACTION and returns its binary log position, or null with the log off.
   * The program writes its head, starts the transaction, asks for the position and only then goes on, through one
   * buffer: whatever follows the head is proof. Then nothing more is read: the program waits.
   */
  async reachSnapshot(binlog: boolean): Promise<BinlogPosition | null> {
    for (;;) {
      const text = Buffer.concat(this.#head).toString('latin1');
      const end = HEAD_END.exec(text);
      const body = end ? text.slice(end.index + end[0].length) : '';
      const position = binlog ? POSITION.exec(body) : null;
      if (position) return { file: position[1] ?? '', position: Number(position[2]) };
      if (!binlog && /\S/.test(body)) return null;
      const next = text.length > HEAD_LIMIT ? undefined : await this.#next();
      if (next === undefined || next.done) {
        if (next === undefined) this.stop();
        throw this.#explain(await this.#running.ended);
      }
      this.#head.push(next.value);
    }
  }

  /** All that the program writes, but for what `allowInvalidDates` changes. The program is ended when the reader leaves. */
  async *output(): Bytes {
    let tail: Buffer = Buffer.alloc(0);
    try {
      const head = await this.#readHead();
      tail = lastBytes(tail, head);
      if (head.length > 0) yield head;
      for (let next = await this.#next(); !next.done; next = await this.#next()) {
        tail = lastBytes(tail, next.value);
        yield next.value;
      }
      const ended = await this.#running.ended;
      const complete = ended.exitCode === 0 && ended.stderr === '' && TRAILER.test(tail.toString('latin1'));
      if (!complete) throw this.#explain(ended);
    } finally {
      this.stop();
    }
  }

  async #readHead(): Promise<Buffer> {
    for (;;) {
      const head = Buffer.concat(this.#head);
      if (head.length >= HEAD_BYTES || HEAD_END.test(head.toString('latin1'))) return allowInvalidDates(head);
      const next = await this.#next();
      if (next.done) return allowInvalidDates(head);
      this.#head.push(next.value);
    }
  }

  async #next(): Promise<IteratorResult<Buffer>> {
    this.#watch?.asks();
    const next = await this.#chunks.next();
    this.#watch?.hears();
    return next;
  }

  /** Ends the program if it still runs. */
  stop(): void {
    this.#watch?.stop();
    terminate(this.#running.child);
    this.#running.stdout.destroy();
  }

  /** Settles when the program is gone. */
  async gone(): Promise<void> {
    await this.#running.ended;
  }
}

function lastBytes(before: Buffer, chunk: Buffer): Buffer {
  if (chunk.length >= TRAILER_BYTES) return Buffer.from(chunk.subarray(-TRAILER_BYTES));
  return Buffer.concat([before, chunk]).subarray(-TRAILER_BYTES);
}

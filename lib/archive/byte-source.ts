import type { Bytes } from '../model/stages.ts';

/** A stream that can be read in parts of a wanted length. */
export class ByteSource {
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(bytes: Bytes) {
    this.#chunks = bytes[Symbol.asyncIterator]();
  }

  /** The next `length` bytes; fewer only at the end of the stream. For small lengths: they are held in memory. */
  async take(length: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    for await (const part of this.#upTo(length)) parts.push(Buffer.from(part));
    return Buffer.concat(parts);
  }

  /** The next `length` bytes as a stream, which throws what `short` makes when there are fewer. Can be read on. */
  limited(length: number, short: () => Error): Bytes {
    let left = length;
    const upTo = (want: number) => this.#upTo(want);
    return {
      async *[Symbol.asyncIterator]() {
        for await (const part of upTo(left)) {
          left -= part.length;
          yield part;
        }
        if (left > 0) throw short();
      },
    };
  }

  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  async *#upTo(length: number): AsyncGenerator<Buffer, void, undefined> {
    let left = length;
    while (left > 0) {
      if (this.#rest.length === 0) {
        const next = await this.#chunks.next();
        if (next.done) return;
        this.#rest = next.value;
      }
      const part = this.#rest.subarray(0, left);
      this.#rest = this.#rest.subarray(part.length);
      left -= part.length;
      if (part.length > 0) yield part;
    }
  }
}

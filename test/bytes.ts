import type { Bytes } from '../lib/model/stages.ts';

/** `chunks` as a stream. */
export function bytesOf(...chunks: readonly (Buffer | string)[]): Bytes {
  return lending(chunks.map((chunk) => Buffer.from(chunk)));
}

/** `content` in chunks of these sizes, over and over. */
export function chunked(content: Buffer, sizes: readonly number[]): Bytes {
  const chunks: Buffer[] = [];
  for (let offset = 0, turn = 0; offset < content.length; turn++) {
    const size = sizes[turn % sizes.length] ?? content.length;
    chunks.push(content.subarray(offset, offset + size));
    offset += size;
  }
  return lending(chunks);
}

/** A stream whose chunks are spoilt as soon as the next one is asked for: what a reader keeps, it must have copied. */
async function* lending(chunks: readonly Buffer[]): Bytes {
  for (const chunk of chunks) {
    const lent = Buffer.from(chunk);
    yield lent;
    lent.fill(0xee);
  }
}

/** All of a stream. */
export async function collect(source: Bytes): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of source) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

/** What came out of a stream before it failed, and the error. */
export async function collectUntilError(source: Bytes): Promise<{ content: Buffer; error: unknown }> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of source) chunks.push(Buffer.from(chunk));
  } catch (error) {
    return { content: Buffer.concat(chunks), error };
  }
  return { content: Buffer.concat(chunks), error: undefined };
}

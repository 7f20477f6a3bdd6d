import type { Bytes } from '../lib/model/stages.ts';

/** `chunks` as a stream. */
export async function* bytesOf(...chunks: readonly (Buffer | string)[]): Bytes {
  for (const chunk of chunks) yield Buffer.from(chunk);
}

/** `content` in chunks of these sizes, over and over. */
export async function* chunked(content: Buffer, sizes: readonly number[]): Bytes {
  for (let offset = 0, turn = 0; offset < content.length; turn++) {
    const size = sizes[turn % sizes.length] ?? content.length;
    yield content.subarray(offset, offset + size);
    offset += size;
  }
}

/** All of a stream. */
export async function collect(source: Bytes): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** What came out of a stream before it failed, and the error. */
export async function collectUntilError(source: Bytes): Promise<{ content: Buffer; error: unknown }> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of source) chunks.push(chunk);
  } catch (error) {
    return { content: Buffer.concat(chunks), error };
  }
  return { content: Buffer.concat(chunks), error: undefined };
}

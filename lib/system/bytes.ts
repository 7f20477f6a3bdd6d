import { CoffreError } from '../model/error.ts';
import type { Bytes } from '../model/stages.ts';

/** A small stream as one Buffer. Throws `verification-failed` when it is longer than `limitBytes`. */
export async function collect(source: Bytes, limitBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of source) {
    bytes += chunk.length;
    if (bytes > limitBytes) {
      throw new CoffreError('verification-failed', `cannot read a small file: it has more than ${limitBytes} bytes`, {
        hint: 'take another copy of the run',
      });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, bytes);
}

/** Reads a stream to its end for what it checks on the way. */
export async function drain(source: Bytes): Promise<void> {
  for await (const _ of source) {
    // its reader has looked at every byte
  }
}

import type { Bytes } from '../model/stages.ts';

/** Reads a stream to its end for what it checks on the way. */
export async function drain(source: Bytes): Promise<void> {
  for await (const _ of source) {
    // its reader has looked at every byte
  }
}

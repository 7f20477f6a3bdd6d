import { CoffreError } from '../model/error.ts';
import type { Bytes } from '../model/stages.ts';

/** The finished folder of one run, wherever it is: store, export, offsite, or a folder that somebody copied. */
export interface RunReader {
  /** For people: a path, or server and path. */
  readonly where: string;
  /** Names of the files, sorted. */
  list(): Promise<readonly string[]>;
  /** undefined when there is no such file. */
  sizeOf(name: string): Promise<number | undefined>;
  /** From byte `start` on, at most `bytes`. Nothing of it is to be trusted before it is verified. */
  read(name: string, start?: number, bytes?: number): Bytes;
}

/** More than a manifest, a signature or a side file of a terabyte ever has. */
const SMALL_BYTES = 16 * 1024 * 1024;

/**
 * A small file as a whole; undefined when there is none. Throws `verification-failed` when it is larger than any
 * such file can be: a foreign server does not decide how much memory is used here.
 */
export async function readSmall(reader: RunReader, name: string): Promise<Buffer | undefined> {
  const sizeBytes = await reader.sizeOf(name);
  if (sizeBytes === undefined) return undefined;
  const chunks: Buffer[] = [];
  if (sizeBytes <= SMALL_BYTES) {
    for await (const chunk of reader.read(name, 0, SMALL_BYTES)) chunks.push(Buffer.from(chunk));
    return Buffer.concat(chunks);
  }
  throw new CoffreError('verification-failed', `cannot read ${name} of ${reader.where}: it has ${sizeBytes} bytes`, {
    hint: 'take another copy of the run',
  });
}

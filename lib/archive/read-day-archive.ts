import type { Bytes } from '../model/stages.ts';
import type { TarEntry } from './day-tar.ts';
import { readTar } from './tar-reader.ts';

/**
 * The archives in the tar of a day archive, in order; what is not read of one is skipped. The mirror of `dayTar`.
 * Throws `verification-failed` when the tar is damaged or cut short.
 */
export function readDayArchive(tar: Bytes): AsyncGenerator<TarEntry, void, undefined> {
  return readTar(tar, 'the day archive');
}

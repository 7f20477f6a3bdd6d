import { asCoffreError, CoffreError } from '../model/error.ts';
import type { Bytes } from '../model/stages.ts';
import { sleep } from '../system/clock.ts';
import { isPassing } from '../system/rclone-failure.ts';
import type { RcloneEntry, RclonePlace } from './rclone-place.ts';
import { assertFileName, isFileName } from './run-names.ts';
import type { RunReader } from './run-reader.ts';

const TRIES = 3;
const WAIT_MS = 1000;

/** Reads the folder of one run that is complete, which nobody changes any more: `entries` is what was in it when it was opened. */
export function rcloneReader(place: RclonePlace, folder: string, entries: readonly RcloneEntry[]): RunReader {
  const { where } = place;
  const found = new Map(entries.map((entry) => [entry.Path, entry]));
  const sizeOf = (name: string): number | undefined => {
    assertFileName(name);
    const entry = found.get(name);
    if (entry === undefined || (!entry.IsDir && entry.Size >= 0)) return entry?.Size;
    throw new CoffreError(
      'verification-failed',
      `cannot read ${folder}/${name} of ${where}: it is not a regular file`,
      {
        hint: 'take another copy of the run',
      },
    );
  };
  return {
    where: `${where}, ${folder}`,
    list: async () => [...found.keys()].filter(isFileName).sort(),
    sizeOf: async (name) => sizeOf(name),
    async *read(name, start = 0, bytes = Number.POSITIVE_INFINITY) {
      const sizeBytes = sizeOf(name);
      if (sizeBytes === undefined) {
        throw new CoffreError('not-found', `cannot read ${folder}/${name} of ${where}: there is no such file`, {
          hint: 'take another copy of the run',
        });
      }
      yield* readRange(place, `${folder}/${name}`, start, Math.min(sizeBytes, start + bytes));
    },
  };
}

/** A part of a file, which is asked for again from where it was cut off, for as long as anything arrives. */
export async function* readRange(place: RclonePlace, path: string, start: number, end: number): Bytes {
  const what = `read ${place.at(path)}`;
  let at = start;
  for (let tries = 1; at < end; tries += 1) {
    const from = at;
    try {
      const words = ['cat', '--offset', String(at), '--count', String(end - at), place.at(path)];
      for await (const chunk of place.rclone.read(what, words)) {
        at += chunk.length;
        yield chunk;
      }
      if (at >= end) return;
      throw new CoffreError('offsite-unreachable', `cannot ${what}: it ended too early`, { hint: 'run it again' });
    } catch (error) {
      if (at > from) tries = 1;
      if (tries >= TRIES || !isPassing(asCoffreError(error))) throw error;
      await sleep(WAIT_MS * tries, place.rclone.signal);
    }
  }
}

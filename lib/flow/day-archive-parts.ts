import { dayArchivePlaces } from '../archive/day-archive-places.ts';
import { readDayArchive } from '../archive/read-day-archive.ts';
import type { Archive, DayArchive, Manifest } from '../model/manifest.ts';
import type { Bytes } from '../model/stages.ts';
import { ITERATIONS } from '../seal/cipher.ts';
import { openPart, type SealedPart, sealedPart } from '../seal/open-part.ts';
import { openStream } from '../seal/open-stream.ts';
import type { Passphrase } from '../seal/passphrase.ts';
import type { RunReader } from '../storage/run-reader.ts';
import { readSealed, readSegments } from './read-sealed.ts';

const HEAD_BYTES = 16;

/** Where each of these archives is in the day archive of its run; null where that is known only by reading it. */
export function partsOf(manifest: Manifest, archives: readonly Archive[]): ReadonlyMap<Archive, SealedPart> | null {
  const { dayArchive } = manifest;
  if (!dayArchive) return null;
  // The manifest has the archives in the order of the tar.
  const entries = manifest.archives.map((each) => ({ name: nameInTar(each), sizeBytes: each.compressedBytes }));
  const places = dayArchivePlaces(entries, dayArchive.plainBytes);
  if (!places) return null;
  const parts = new Map<Archive, SealedPart>();
  for (const archive of archives) {
    const place = places.get(nameInTar(archive));
    if (!place) return null;
    parts.set(archive, sealedPart(dayArchive, place.start, place.bytes));
  }
  return parts;
}

/** The segments of the day archive that hold any of these parts, each once, as ranges in order. */
export function segmentsOf(parts: Iterable<SealedPart>): readonly { readonly first: number; readonly count: number }[] {
  const wanted = new Set<number>([0]);
  for (const { firstSegment, segments } of parts) {
    for (let at = 0; at < segments; at += 1) wanted.add(firstSegment + at);
  }
  const ranges: { first: number; count: number }[] = [];
  for (const segment of [...wanted].sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last && last.first + last.count === segment) last.count += 1;
    else ranges.push({ first: segment, count: 1 });
  }
  return ranges;
}

/**
 * The content of one archive out of the day archive, reading only what holds it. Where something else stands there than
 * was reckoned, the day archive is read from its beginning. Throws `verification-failed`; undefined when it is not in it.
 */
export async function openFromDayArchive(
  archive: Archive,
  part: SealedPart | undefined,
  dayArchive: DayArchive,
  manifest: Manifest,
  reader: RunReader,
  passphrase: Passphrase,
): Promise<Bytes | undefined> {
  const options = { iterations: manifest.encryption?.iterations ?? ITERATIONS };
  if (part) {
    const head = await firstBytes(reader, dayArchive);
    const source = await readSegments(reader, dayArchive, part.firstSegment, part.segments);
    const tar = openPart(head, source, part, dayArchive.segments.segmentBytes, passphrase, options);
    const found = await entryIn(tar, nameInTar(archive), 1);
    if (found) return found;
  }
  const whole = openStream(await readSealed(reader, dayArchive), passphrase, options);
  return await entryIn(whole, nameInTar(archive), Number.POSITIVE_INFINITY);
}

/** The content of the entry, if it is among the first ones; the tar is left when it has been read. */
async function entryIn(tar: Bytes, name: string, among: number): Promise<Bytes | undefined> {
  const entries = readDayArchive(tar);
  let seen = 0;
  for (let next = await entries.next(); !next.done; next = await entries.next()) {
    const { value } = next;
    if (value.name === name) {
      return (async function* () {
        try {
          yield* value.content;
        } finally {
          await entries.return();
        }
      })();
    }
    seen += 1;
    if (seen >= among) await entries.return();
  }
  return undefined;
}

async function firstBytes(reader: RunReader, dayArchive: DayArchive): Promise<Buffer> {
  for await (const chunk of await readSegments(reader, dayArchive, 0, 1)) {
    return Buffer.from(chunk.subarray(0, HEAD_BYTES));
  }
  return Buffer.alloc(0);
}

function nameInTar({ file }: Archive): string {
  return file.replace(/\.enc$/, '');
}

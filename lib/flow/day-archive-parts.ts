import { dayArchivePlaces, type Place } from '../archive/day-archive-places.ts';
import { readDayArchive } from '../archive/read-day-archive.ts';
import type { Archive } from '../model/archive-record.ts';
import type { Manifest } from '../model/manifest.ts';
import type { Bytes } from '../model/stages.ts';
import { type SealedPart, sealedPart } from '../seal/open-part.ts';

/** Archives that stand one after another in a day archive, but for few bytes between them, and where that is. */
export interface DayArchiveRun {
  /** Those that are wanted, in order. */
  readonly archives: readonly Archive[];
  /** All that stand there, by name. */
  readonly names: readonly string[];
  readonly part: SealedPart;
}

/**
 * Where the archives are in the day archive of their run; null where that is known only by reading it. What is nearer to each
 * other than a segment is read in one go.
 */
export function dayArchiveRuns(manifest: Manifest, wanted: readonly Archive[]): readonly DayArchiveRun[] | null {
  const { dayArchive } = manifest;
  if (!dayArchive) return null;
  // The manifest has the archives in the order of the tar.
  const entries = manifest.archives.map((each) => ({ name: nameInTar(each), sizeBytes: each.compressedBytes }));
  const places = dayArchivePlaces(entries, dayArchive.plainBytes);
  if (!places) return null;
  const runs: { archives: Archive[]; names: string[]; from: Place; to: Place }[] = [];
  let skipped: string[] = [];
  for (const archive of manifest.archives) {
    const [name, place] = [nameInTar(archive), places.get(nameInTar(archive))];
    const run = runs.at(-1);
    if (!place || !wanted.includes(archive)) skipped.push(name);
    else if (run && place.start - run.to.start - run.to.bytes < dayArchive.segments.segmentBytes) {
      run.archives.push(archive);
      run.names.push(...skipped, name);
      run.to = place;
      skipped = [];
    } else {
      runs.push({ archives: [archive], names: [name], from: place, to: place });
      skipped = [];
    }
  }
  return runs.map(({ archives, names, from, to }) => {
    const bytes = to.start + to.bytes - from.start;
    return { archives, names, part: sealedPart(dayArchive, from.start, bytes) };
  });
}

/** The archives as up to `count` groups of runs, none with much more than its share: to be read side by side. */
export function shareRuns(manifest: Manifest, wanted: readonly Archive[], count: number) {
  const total = wanted.reduce((sum, { plainBytes }) => sum + plainBytes, 0);
  const groups: Archive[][] = [];
  let sharedBytes = 0;
  for (const archive of manifest.archives.filter((each) => wanted.includes(each))) {
    // By the middle of it: a large one begins a group of its own rather than end one.
    const group = Math.min(
      count - 1,
      Math.floor(((sharedBytes + archive.plainBytes / 2) / Math.max(1, total)) * count),
    );
    groups[group] = [...(groups[group] ?? []), archive];
    sharedBytes += archive.plainBytes;
  }
  return groups.filter((group) => group.length > 0);
}

/** The segments of the day archive that hold any of these parts, each once, as ranges in order; the first has the salt. */
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
 * The archives of a tar, each to be read before the next is asked for. With `names`, those that the tar is said to have:
 * it ends where another one stands there.
 */
export async function* archivesIn(tar: Bytes, wanted: readonly Archive[], names?: readonly string[]) {
  const left = new Map(wanted.map((archive) => [nameInTar(archive), archive]));
  const expected = names?.values();
  for await (const entry of readDayArchive(tar)) {
    if (expected && expected.next().value !== entry.name) return;
    const archive = left.get(entry.name);
    if (!archive) continue;
    left.delete(entry.name);
    yield { archive, content: entry.content };
    if (left.size === 0) return;
  }
}

function nameInTar({ file }: Archive): string {
  return file.replace(/\.enc$/, '');
}

import type { Archive } from '../model/archive-record.ts';
import type { DatabaseName } from '../model/names.ts';

/** An archive on its way into the store. */
export interface ArchiveUnderWay {
  /** null for the accounts. */
  readonly database: DatabaseName | null;
  /** What has to be loaded before it. */
  readonly after: readonly DatabaseName[];
  /** Settles when it is durable there. */
  readonly durable: Promise<Archive>;
}

/**
 * The archives in the order in which they get durable, but each behind those that have to be loaded before it: nothing
 * waits for a large database that it does not need. Of several that could be next, the one that was given first.
 */
export async function* archivesAsDurable(
  archives: readonly ArchiveUnderWay[],
): AsyncGenerator<Archive, void, undefined> {
  const left = new Set(archives);
  const waitsFor = ({ after }: ArchiveUnderWay) =>
    [...left].some(({ database }) => database !== null && after.includes(database));
  while (left.size > 0) {
    const free = [...left].filter((each) => !waitsFor(each));
    if (free.length === 0) throw new Error('archives that wait for each other');
    const next = await Promise.race(free.map(async (each) => ({ each, archive: await each.durable })));
    left.delete(next.each);
    yield next.archive;
  }
}

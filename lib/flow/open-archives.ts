import { readDayArchive } from '../archive/read-day-archive.ts';
import type { Archive, Manifest } from '../model/manifest.ts';
import type { Bytes } from '../model/stages.ts';
import { ITERATIONS } from '../seal/cipher.ts';
import { openStream } from '../seal/open-stream.ts';
import type { Passphrase } from '../seal/passphrase.ts';
import type { RunReader } from '../storage/run-reader.ts';
import { openFromDayArchive, partsOf } from './day-archive-parts.ts';
import type { LoadPlan } from './load-run.ts';
import { readSealed } from './read-sealed.ts';

/** An archive as a plain `.tar.gz` or `.tar.zst` stream. */
export interface OpenedFile {
  readonly archive: Archive;
  readonly content: Bytes;
}

/**
 * The archives of a plan, the accounts last, as up to `readers` sequences that can be read side by side; of each sequence
 * an archive MUST be read before the next is asked for. Every archive is in one of them, unless the copy lacks it.
 */
export function openArchives(
  plan: LoadPlan,
  manifest: Manifest,
  reader: RunReader,
  passphrase: Passphrase,
  readers: number,
): readonly AsyncGenerator<OpenedFile, void, undefined>[] {
  const options = { iterations: manifest.encryption?.iterations ?? ITERATIONS };
  const { dayArchive } = manifest;
  const fromDay = plan.form !== 'store' && dayArchive ? dayArchive : undefined;
  const parts = fromDay ? partsOf(manifest, plan.archives) : null;
  if (fromDay && !parts) {
    const tar = async () => openStream(await readSealed(reader, fromDay), passphrase, options);
    return [wholeDayArchive(plan.archives, tar)];
  }
  const open = async (archive: Archive): Promise<Bytes | undefined> =>
    fromDay
      ? await openFromDayArchive(archive, parts?.get(archive), fromDay, manifest, reader, passphrase)
      : openStream(await readSealed(reader, archive), passphrase, options);
  // The longest first, so that none is left over at the end: what they refer to in each other is made last.
  const left = plan.archives.toSorted((a, b) => rank(b) - rank(a));
  async function* next(): AsyncGenerator<OpenedFile, void, undefined> {
    for (let archive = left.shift(); archive; archive = left.shift()) {
      const content = await open(archive);
      if (content) yield { archive, content };
    }
  }
  return Array.from({ length: Math.max(1, Math.min(readers, left.length)) }, next);
}

function rank({ database, plainBytes }: Archive): number {
  return database === null ? -1 : plainBytes;
}

async function* wholeDayArchive(
  archives: readonly Archive[],
  tar: () => Promise<Bytes>,
): AsyncGenerator<OpenedFile, void, undefined> {
  const left = new Map(archives.map((archive) => [archive.file.replace(/\.enc$/, ''), archive]));
  for await (const entry of readDayArchive(await tar())) {
    const archive = left.get(entry.name);
    if (!archive) continue;
    left.delete(entry.name);
    yield { archive, content: entry.content };
    if (left.size === 0) return;
  }
}

import { dayTar } from '../archive/day-tar.ts';
import type { Archive, DayArchive } from '../model/archive-record.ts';
import { SEGMENT_BYTES } from '../model/segments.ts';
import type { Bytes } from '../model/stages.ts';
import { ITERATIONS } from '../seal/cipher.ts';
import { digestStream } from '../seal/digest-stream.ts';
import { openStream } from '../seal/open-stream.ts';
import { sealStream } from '../seal/seal-stream.ts';
import { encodeSegments } from '../seal/segment-list.ts';
import type { RunFolder } from '../storage/run-folders.ts';
import { sha256Of } from '../system/files.ts';
import { type ArchiveUnderWay, archivesAsDurable } from './archives-as-durable.ts';
import type { BackupContext } from './backup-context.ts';
import { type GrowingDayArchive, writeDayArchive } from './growing-day-archive.ts';
import { metered } from './metered.ts';
import type { PreparedRun } from './prepare-run.ts';
import { readSealed } from './read-sealed.ts';
import { DAY_ARCHIVE_FILE } from './run-files.ts';

export interface BuiltDayArchive {
  readonly dayArchive: DayArchive;
  /** What is in it, in the order of its tar. */
  readonly archives: readonly Archive[];
}

/**
 * Builds the day archive in `target` out of the sealed archives in `source`, each as soon as it is durable there and those
 * are in that have to be loaded before it, while others are still being dumped. It is read back from the store, compared
 * with what was meant to be written, opened, and sealed again as an entry of one tar: no plaintext leaves memory.
 */
export async function buildDayArchive(
  prepared: PreparedRun,
  source: RunFolder,
  target: RunFolder,
  archives: readonly ArchiveUnderWay[],
  { emit, signal }: Pick<BackupContext, 'emit' | 'signal'>,
  onGrowing: (growing: GrowingDayArchive) => void,
): Promise<BuiltDayArchive> {
  const { passphrase } = prepared;
  const order: Archive[] = [];
  async function* entries() {
    for await (const archive of archivesAsDurable(archives)) {
      order.push(archive);
      const subject = archive.database ?? 'accounts';
      const meter = { emit, phase: 'day-archive', subject, totalBytes: archive.sealedBytes, signal };
      const watch = (bytes: Bytes) => metered(bytes, meter);
      const verified = await readSealed(source.reader, archive, { watch, passing: 'watched' });
      const content = openStream(verified, passphrase, { iterations: ITERATIONS });
      yield { name: archive.file.replace(/\.enc$/, ''), sizeBytes: archive.compressedBytes, content };
    }
  }
  let plainBytes = 0;
  const tar = counting(dayTar(entries()), (bytes) => {
    plainBytes += bytes;
  });
  const sealed = digestStream(sealStream(tar, passphrase, { iterations: ITERATIONS }));
  await writeDayArchive(target, sealed, onGrowing);
  const { sealedBytes, sha256, segments } = sealed.digest();
  const list = encodeSegments(segments);
  const segmentsFile = `${DAY_ARCHIVE_FILE}.segments`;
  await target.writeSmall(segmentsFile, list);
  const dayArchive = {
    file: DAY_ARCHIVE_FILE,
    sealedBytes,
    sha256,
    segments: { file: segmentsFile, sha256: sha256Of(list), segmentBytes: SEGMENT_BYTES },
    plainBytes,
  };
  return { dayArchive, archives: order };
}

function counting<S extends AsyncIterable<Buffer>>(source: S, add: (bytes: number) => void): S {
  async function* count() {
    for await (const chunk of source) {
      add(chunk.length);
      yield chunk;
    }
  }
  return count() as AsyncIterable<Buffer> as S;
}

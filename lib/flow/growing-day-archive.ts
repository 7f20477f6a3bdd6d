import { SEGMENT_BYTES } from '../model/segments.ts';
import type { VerifiedStream } from '../model/stages.ts';
import type { DigestedStream } from '../seal/digest-stream.ts';
import { followStream } from '../seal/follow-stream.ts';
import type { ContentFacts } from '../storage/offsite.ts';
import type { RunFolder } from '../storage/run-folders.ts';
import { Watermark } from '../system/watermark.ts';
import { DAY_ARCHIVE_FILE } from './run-files.ts';

/** The day archive while it grows in the export. Each method throws the signal's reason, and what its writer has failed with. */
export interface GrowingDayArchive {
  /** Settles once something of it is on the disk. */
  begun(signal: AbortSignal): Promise<void>;
  /** All of it, read from the disk behind the writer: whoever is slow holds up nobody. */
  follow(signal: AbortSignal): VerifiedStream;
  /** What it was meant to be, once it is durable. */
  facts(signal: AbortSignal): Promise<ContentFacts>;
}

/** Writes the day archive into `folder`. `onGrowing` gets what others need to follow it. Durable when it returns. */
export async function writeDayArchive(
  folder: RunFolder,
  { stream, segments, digest }: DigestedStream,
  onGrowing: (growing: GrowingDayArchive) => void,
): Promise<void> {
  const mark = new Watermark();
  const file = DAY_ARCHIVE_FILE;
  onGrowing({
    async begun(signal) {
      await mark.reach(1, signal);
    },
    follow: (signal) =>
      followStream({
        ...{ file, segments, segmentBytes: SEGMENT_BYTES },
        reach: (bytes) => mark.reach(bytes, signal),
        read: (start, bytes) => folder.readGrowing(file, start, bytes),
      }),
    async facts(signal) {
      await mark.reach(Number.POSITIVE_INFINITY, signal);
      const { sealedBytes: sizeBytes, sha256 } = digest();
      return { sizeBytes, sha256 };
    },
  });
  await folder.write(file, stream, mark);
}

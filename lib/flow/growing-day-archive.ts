import { SEGMENT_BYTES } from '../model/segments.ts';
import type { DigestedStream } from '../seal/digest-stream.ts';
import { followStream } from '../seal/follow-stream.ts';
import type { ContentFacts } from '../storage/offsite.ts';
import { type Resumable, resumable } from '../storage/resumable.ts';
import type { RunFolder } from '../storage/run-folders.ts';
import { Watermark } from '../system/watermark.ts';
import { DAY_ARCHIVE_FILE } from './run-files.ts';

/** The day archive while it grows in the export. Each method throws the signal's reason, and what its writer has failed with. */
export interface GrowingDayArchive {
  /** Settles once something of it is on the disk. */
  begun(signal: AbortSignal): Promise<void>;
  /** All of it, read from the disk behind the writer, from any byte on: whoever is slow holds up nobody. */
  follow(signal: AbortSignal): Resumable;
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
    follow(signal) {
      const growing = {
        ...{ file, segments, segmentBytes: SEGMENT_BYTES },
        reach: (bytes: number) => mark.reach(bytes, signal),
        read: (start: number, bytes: number) => folder.readGrowing(file, start, bytes),
      };
      const open = (segment: number) => followStream(growing, segment);
      return resumable({ segments, segmentBytes: SEGMENT_BYTES, sizeBytes: null, open });
    },
    async facts(signal) {
      await mark.reach(Number.POSITIVE_INFINITY, signal);
      const { sealedBytes: sizeBytes, sha256 } = digest();
      return { sizeBytes, sha256 };
    },
  });
  await folder.write(file, stream, mark);
}

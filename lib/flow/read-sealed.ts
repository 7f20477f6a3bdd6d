import { CoffreError } from '../model/error.ts';
import type { Sha256 } from '../model/names.ts';
import type { Bytes, SealedFile, VerifiedStream } from '../model/stages.ts';
import { parseSegments } from '../seal/segment-list.ts';
import { type Passing, verifyStream } from '../seal/verify-stream.ts';
import { type Resumable, resumable } from '../storage/resumable.ts';
import { type RunReader, readSmall } from '../storage/run-reader.ts';

export interface Reading {
  readonly watch?: (bytes: Bytes) => Bytes;
  /** `verified` if absent. */
  readonly passing?: Passing;
}

/** A sealed file of a copy, checked segment by segment against the manifest while it is read. */
export async function readSealed(
  reader: RunReader,
  file: SealedFile,
  { watch = (bytes) => bytes, passing }: Reading = {},
): Promise<VerifiedStream> {
  const segments = await segmentsOf(reader, file);
  const { file: name, sealedBytes } = file;
  const { segmentBytes } = file.segments;
  return verifyStream(watch(reader.read(name)), { file: name, sealedBytes, segmentBytes, segments }, passing);
}

/** A sealed file of a copy as an upload takes it: from any byte on, checked in the same way while it is read. */
export async function readResumable(
  reader: RunReader,
  file: SealedFile,
  watch: (bytes: VerifiedStream, start: number) => VerifiedStream,
): Promise<Resumable> {
  const segments = await segmentsOf(reader, file);
  const { file: name, sealedBytes: sizeBytes } = file;
  const { segmentBytes } = file.segments;
  const open = (first: number) => {
    const start = first * segmentBytes;
    const sealedBytes = sizeBytes - start;
    const rest = { file: name, sealedBytes, segmentBytes, segments: segments.slice(first) };
    const partOf = { first, total: segments.length };
    // To the very end of the file, so that one byte too many is found.
    return verifyStream(reader.read(name, start), { ...rest, partOf }, 'watched');
  };
  const content = resumable({ segmentBytes, segments, sizeBytes, open });
  return { ...content, from: (start) => watch(content.from(start) as VerifiedStream, start) };
}

/** `count` segments of a sealed file, from `first` on, checked in the same way. */
export async function readSegments(
  reader: RunReader,
  file: SealedFile,
  first: number,
  count: number,
  { watch = (bytes) => bytes, passing }: Reading = {},
): Promise<VerifiedStream> {
  const { segmentBytes } = file.segments;
  const all = await segmentsOf(reader, file);
  const segments = all.slice(first, first + count);
  const partOf = { first, total: all.length };
  const start = first * segmentBytes;
  const sealedBytes = Math.min(file.sealedBytes - start, count * segmentBytes);
  const source = watch(reader.read(file.file, start, sealedBytes));
  return verifyStream(source, { file: file.file, sealedBytes, segmentBytes, segments, partOf }, passing);
}

/** The digests of the segments, once the manifest has vouched for them. */
async function segmentsOf(reader: RunReader, file: SealedFile): Promise<readonly Sha256[]> {
  const list = await readSmall(reader, file.segments.file);
  if (list) return parseSegments(list, file);
  throw new CoffreError(
    'verification-failed',
    `cannot read ${file.file} of ${reader.where}: ${file.segments.file} is missing`,
    {
      hint: 'take another copy of the run',
    },
  );
}

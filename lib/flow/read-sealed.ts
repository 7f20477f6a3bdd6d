import { CoffreError } from '../model/error.ts';
import type { Bytes, SealedFile, VerifiedStream } from '../model/stages.ts';
import { parseSegments } from '../seal/segment-list.ts';
import { type Passing, verifyStream } from '../seal/verify-stream.ts';
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
  const { segmentBytes, file: segmentsFile } = file.segments;
  const list = await readSmall(reader, segmentsFile);
  if (!list) {
    throw new CoffreError(
      'verification-failed',
      `cannot read ${file.file} of ${reader.where}: ${segmentsFile} is missing`,
      {
        hint: 'take another copy of the run',
      },
    );
  }
  const segments = parseSegments(list, file);
  const { file: name, sealedBytes } = file;
  return verifyStream(watch(reader.read(name)), { file: name, sealedBytes, segmentBytes, segments }, passing);
}

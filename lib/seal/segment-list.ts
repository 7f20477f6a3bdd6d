import { createHash } from 'node:crypto';
import { CoffreError } from '../model/error.ts';
import { Sha256 } from '../model/names.ts';
import type { SealedFile } from '../model/stages.ts';

/** The side file: one digest in hex a line, in order, each line ended. Empty for an empty file. */
export function encodeSegments(segments: readonly Sha256[]): Buffer {
  return Buffer.from(segments.map((digest) => `${digest}\n`).join(''), 'latin1');
}

/**
 * The digests of the segments of `file`, from the bytes of its side file. The side file is checked against the
 * manifest's digest of it before a byte of it is believed. Throws `verification-failed`.
 */
export function parseSegments(content: Buffer, file: SealedFile): readonly Sha256[] {
  const fail = (why: string) =>
    new CoffreError('verification-failed', `cannot use ${file.segments.file}: ${why}`, {
      hint: `take ${file.segments.file} from another copy of the run`,
    });
  if (createHash('sha256').update(content).digest('hex') !== file.segments.sha256) {
    throw fail("its digest is not the manifest's");
  }
  const lines = content.toString('latin1').split('\n');
  if (lines.pop() !== '') throw fail('its last line does not end');
  const segments = lines.map((line) => Sha256.safeParse(line).data);
  const count = Math.ceil(file.sealedBytes / file.segments.segmentBytes);
  if (segments.length !== count) throw fail(`it has ${segments.length} digests, and the file ${count} segments`);
  return segments.map((digest) => {
    if (digest === undefined) throw fail('a line of it is not a SHA-256');
    return digest;
  });
}

/** Where segment `index` stands in its file, for a spot check that reads only that. */
export function segmentRange(file: SealedFile, index: number): { readonly start: number; readonly bytes: number } {
  const { segmentBytes } = file.segments;
  const start = index * segmentBytes;
  return { start, bytes: Math.max(0, Math.min(segmentBytes, file.sealedBytes - start)) };
}

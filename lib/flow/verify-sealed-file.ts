import { createHash } from 'node:crypto';
import type { Sha256 } from '../model/names.ts';
import type { Bytes, SealedFile } from '../model/stages.ts';
import { differingSegments } from '../seal/differing-segments.ts';
import { parseSegments, segmentRange } from '../seal/segment-list.ts';
import { type RunReader, readSmall } from '../storage/run-reader.ts';
import { sha256Of } from '../system/files.ts';
import { type CopyFinding, orFinding } from './copy-finding.ts';

/** Which of `total` segments are read, in order; null: all of them. */
export type SegmentChoice = (total: number) => readonly number[] | null;

export interface SealedFileCheck {
  readonly findings: readonly CopyFinding[];
  readonly segments: { readonly read: number; readonly total: number };
  readonly readBytes: number;
}

/**
 * Compares a sealed file and its side file with the manifest: its size, and the digests of all its segments or of those that
 * are chosen. Without a sound side file there are no digests of segments: then the file is compared as a whole, unless
 * only some segments are wanted.
 */
export async function verifySealedFile(
  reader: RunReader,
  file: SealedFile,
  choose: SegmentChoice,
  watch: (bytes: Bytes) => Bytes,
): Promise<SealedFileCheck> {
  const { file: name, sealedBytes } = file;
  const total = Math.ceil(sealedBytes / file.segments.segmentBytes);
  const nothing = { segments: { read: 0, total }, readBytes: 0 };
  const digests = await orFinding(file.segments.file, () => readDigests(reader, file));
  const sideFindings = 'why' in digests ? [digests] : [];
  const sizeBytes = await orFinding(name, () => reader.sizeOf(name));
  if (typeof sizeBytes === 'object') return { findings: [...sideFindings, sizeBytes], ...nothing };
  if (sizeBytes === undefined) return { findings: [...sideFindings, { file: name, why: 'is missing' }], ...nothing };
  const why = `has ${sizeBytes} bytes, and not ${sealedBytes}`;
  const findings = [...sideFindings, ...(sizeBytes === sealedBytes ? [] : [{ file: name, why }])];
  let readBytes = 0;
  const read = (start: number, bytes: number) =>
    counted(watch(reader.read(name, start, bytes)), (n) => (readBytes += n));
  const chosen = choose(total);
  if ('why' in digests) {
    if (chosen !== null) return { findings, ...nothing };
    // No segment can be told: it is whole, or it is not.
    const isWhole = (await streamDigest(read(0, sealedBytes))) === file.sha256;
    if (!isWhole) findings.push({ file: name, why: 'differs' });
    return { findings, segments: { read: total, total }, readBytes };
  }
  const differing =
    chosen === null
      ? await differingSegments(read(0, sealedBytes), digests, file.segments.segmentBytes)
      : await differingOf(chosen, digests, file, read);
  if (differing.length > 0) findings.push({ file: name, why: `differs in ${describeSegments(differing, total)}` });
  return { findings, segments: { read: chosen?.length ?? total, total }, readBytes };
}

async function readDigests(reader: RunReader, file: SealedFile): Promise<readonly Sha256[] | CopyFinding> {
  const { file: name, sha256 } = file.segments;
  const list = await readSmall(reader, name);
  if (!list) return { file: name, why: 'is missing' };
  return sha256Of(list) === sha256 ? parseSegments(list, file) : { file: name, why: 'is not as it was written' };
}

async function differingOf(
  chosen: readonly number[],
  digests: readonly Sha256[],
  file: SealedFile,
  read: (start: number, bytes: number) => Bytes,
): Promise<readonly number[]> {
  const differing: number[] = [];
  for (const index of chosen) {
    const { start, bytes } = segmentRange(file, index);
    const found = await differingSegments(read(start, bytes), digests.slice(index, index + 1), bytes);
    if (found.length > 0) differing.push(index);
  }
  return differing;
}

/** Counted from 1 on, as people do: `segment 4 of 12`, `segments 1, 4 and 9-12 of 12`. */
function describeSegments(indices: readonly number[], total: number): string {
  const runs: { from: number; to: number }[] = [];
  for (const index of indices) {
    const last = runs.at(-1);
    if (last && last.to === index) last.to = index + 1;
    else runs.push({ from: index + 1, to: index + 1 });
  }
  const names = runs.map(({ from, to }) => (from === to ? String(from) : `${from}-${to}`));
  const list = names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
  return `${indices.length === 1 ? 'segment' : 'segments'} ${list} of ${total}`;
}

async function* counted(source: Bytes, count: (bytes: number) => void): Bytes {
  for await (const chunk of source) {
    count(chunk.length);
    yield chunk;
  }
}

async function streamDigest(source: Bytes): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of source) hash.update(chunk);
  return hash.digest('hex');
}

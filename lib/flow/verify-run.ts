import type { TrustedManifest } from '../model/manifest.ts';
import type { Bytes } from '../model/stages.ts';
import { type RunReader, readSmall } from '../storage/run-reader.ts';
import { sha256Of } from '../system/files.ts';
import { addedAmong, LARGEST_ENVELOPE_BYTES } from './added-envelope.ts';
import { type CopyFinding, orFinding } from './copy-finding.ts';
import { formOf, MANIFEST_FILE, SIGNATURE_FILE, SUMS_FILE, vouchedFiles } from './run-files.ts';
import { type SegmentChoice, verifySealedFile } from './verify-sealed-file.ts';
import { SUMS_SIGNATURE_FILE, verifySums } from './verify-sums.ts';

/** What a copy of a run is worth, by its own signed manifest. */
export interface CopyCheck {
  readonly findings: readonly CopyFinding[];
  /** Files that nobody vouches for: they do no harm, and nobody should run them. */
  readonly unknown: readonly string[];
  readonly segments: { readonly read: number; readonly total: number };
  /** Segments of the largest sealed file: where a sample sees least. */
  readonly largestFile: number;
  /** Of the sealed files. */
  readonly readBytes: number;
}

export interface CheckOptions {
  /** Text of the inventory's `allowed_signers`. */
  readonly allowedSigners: string;
  readonly choose: SegmentChoice;
  readonly watch: (bytes: Bytes) => Bytes;
}

/**
 * Compares every file of a copy with what its manifest says, and goes on behind what differs: the findings are all there
 * are. Throws what keeps it from reading, never for what it has read.
 */
export async function verifyRun(
  reader: RunReader,
  signed: TrustedManifest,
  { allowedSigners, choose, watch }: CheckOptions,
): Promise<CopyCheck> {
  const { manifest } = signed;
  const names = await reader.list();
  const form = formOf(manifest, names);
  const vouched = vouchedFiles(manifest, form);
  const findings: CopyFinding[] = [];
  const segments = { read: 0, total: 0 };
  let [readBytes, largestFile] = [0, 0];
  const sealed = form === 'store' ? manifest.archives : manifest.dayArchive ? [manifest.dayArchive] : [];
  const ofSealed = new Set(sealed.flatMap(({ file, segments: { file: side } }) => [file, side]));
  for (const file of sealed) {
    const checked = await verifySealedFile(reader, file, choose, watch);
    findings.push(...checked.findings);
    segments.read += checked.segments.read;
    segments.total += checked.segments.total;
    largestFile = Math.max(largestFile, checked.segments.total);
    readBytes += checked.readBytes;
  }
  for (const [file, digest] of vouched) {
    if (!ofSealed.has(file)) findings.push(...(await differences(reader, file, (bytes) => sha256Of(bytes) === digest)));
  }
  findings.push(...(await verifySums(reader, signed, vouched, allowedSigners)));
  const known = new Set([...vouched.keys(), MANIFEST_FILE, SIGNATURE_FILE, SUMS_FILE, SUMS_SIGNATURE_FILE]);
  for (const file of addedAmong(signed, names)) {
    if (((await reader.sizeOf(file)) ?? 0) <= LARGEST_ENVELOPE_BYTES) known.add(file);
  }
  return { findings, unknown: names.filter((name) => !known.has(name)), segments, largestFile, readBytes };
}

async function differences(
  reader: RunReader,
  file: string,
  isIt: (content: Buffer) => boolean,
): Promise<readonly CopyFinding[]> {
  const content = await orFinding(file, () => readSmall(reader, file));
  if (content === undefined) return [{ file, why: 'is missing' }];
  if (!Buffer.isBuffer(content)) return [content];
  return isIt(content) ? [] : [{ file, why: 'is not as it was written' }];
}

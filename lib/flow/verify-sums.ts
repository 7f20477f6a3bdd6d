import { isCanonicalArmor } from '../audit/signature-armor.ts';
import { checkSignature } from '../audit/verify-signature.ts';
import type { TrustedManifest } from '../model/manifest.ts';
import type { Sha256 } from '../model/names.ts';
import { encodeSums } from '../seal/sums.ts';
import { type RunReader, readSmall } from '../storage/run-reader.ts';
import { sha256Of } from '../system/files.ts';
import { type CopyFinding, orFinding } from './copy-finding.ts';
import { MANIFEST_FILE, SIGNATURE_FILE, SUMS_FILE } from './run-files.ts';

export const SUMS_SIGNATURE_FILE = `${SUMS_FILE}.sig`;

/**
 * Compares SHA256SUMS and its signature with what they have to be: whoever has nothing but sha256sum and ssh-keygen relies on
 * them. They also hold the digest of the manifest's own signature, of which nothing else knows what it was: ssh-keygen
 * takes one with other line ends, or with something behind it.
 */
export async function verifySums(
  reader: RunReader,
  { manifest, sha256, signature: ofManifest }: TrustedManifest,
  vouched: ReadonlyMap<string, Sha256>,
  allowedSigners: string,
): Promise<readonly CopyFinding[]> {
  const own: [string, Sha256][] = [
    [MANIFEST_FILE, sha256],
    [SIGNATURE_FILE, sha256Of(ofManifest)],
  ];
  const expected = Buffer.from(encodeSums(new Map([...vouched, ...own])));
  const sums = await contentOf(reader, SUMS_FILE);
  const signature = await contentOf(reader, SUMS_SIGNATURE_FILE);
  const { host } = manifest;
  const at = new Date(manifest.finishedAt);
  const isSigned = async (bytes: Buffer) =>
    Buffer.isBuffer(signature) && (await checkSignature({ bytes, signature, allowedSigners, host, at })) === 'valid';
  if (Buffer.isBuffer(sums) && !sums.equals(expected) && (await isSigned(sums))) {
    const others = linesOf(sums).filter((line) => !linesOf(expected).includes(line));
    const isOfSignature = others.length === 1 && others[0]?.endsWith(`  ${SIGNATURE_FILE}`);
    return [altered(isOfSignature ? SIGNATURE_FILE : SUMS_FILE)];
  }
  const findings = Buffer.isBuffer(sums) ? (sums.equals(expected) ? [] : [altered(SUMS_FILE)]) : [sums];
  if (!Buffer.isBuffer(signature)) return [...findings, signature];
  const isWhole = isCanonicalArmor(signature) && (await isSigned(expected));
  return isWhole ? findings : [...findings, altered(SUMS_SIGNATURE_FILE)];
}

async function contentOf(reader: RunReader, file: string): Promise<Buffer | CopyFinding> {
  return (await orFinding(file, () => readSmall(reader, file))) ?? { file, why: 'is missing' };
}

function altered(file: string): CopyFinding {
  return { file, why: 'is not as it was written' };
}

function linesOf(bytes: Buffer): readonly string[] {
  return bytes.toString('utf8').split('\n');
}

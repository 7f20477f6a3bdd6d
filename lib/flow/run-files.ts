import { signBytes } from '../audit/sign.ts';
import type { Manifest, SignedManifest } from '../model/manifest.ts';
import type { Sha256 } from '../model/names.ts';
import type { SealedFile } from '../model/stages.ts';
import { encodeSums } from '../seal/sums.ts';
import { MANIFEST_FILE } from '../storage/run-names.ts';
import { sha256Of } from '../system/files.ts';

/** What a run's folder is built around: the archives one by one (store), or the day archive (export and offsites). */
export type RunForm = 'store' | 'offsite';

export { MANIFEST_FILE };
export const SIGNATURE_FILE = 'manifest.json.sig';
export const SUMS_FILE = 'SHA256SUMS';
export const RECOVERY_FILE = 'RECOVERY.txt';
export const DAY_ARCHIVE_FILE = 'encrypted.dat';
export const NAMES_FILE = 'names.json.enc';

/**
 * The form of a run's folder by the names of its files: the archives one by one, or the day archive. A place that got a run
 * late may have it in another form than it is made in there.
 */
export function formOf(
  { archives, dayArchive }: Pick<Manifest, 'archives' | 'dayArchive'>,
  names: readonly string[],
): RunForm {
  if (!dayArchive) return 'store';
  if (names.includes(DAY_ARCHIVE_FILE)) return 'offsite';
  return archives.some(({ file }) => names.includes(file)) ? 'store' : 'offsite';
}

/** The sealed files of a run in either form. */
export function sealedFilesOf({
  archives,
  dayArchive,
}: Pick<Manifest, 'archives' | 'dayArchive'>): readonly SealedFile[] {
  return dayArchive ? [...archives, dayArchive] : archives;
}

/** Every file of a run's folder that the manifest vouches for, with its digest. */
export function vouchedFiles(
  manifest: Omit<Manifest, 'sequence' | 'previous' | 'finishedAt'>,
  form: RunForm,
): Map<string, Sha256> {
  const sealed = form === 'store' ? manifest.archives : manifest.dayArchive ? [manifest.dayArchive] : [];
  const files = new Map<string, Sha256>();
  for (const file of sealed) {
    files.set(file.file, file.sha256);
    files.set(file.segments.file, file.segments.sha256);
  }
  if (manifest.names) files.set(manifest.names.file, manifest.names.sha256);
  for (const { wrappedKey } of manifest.recipients) files.set(wrappedKey.file, wrappedKey.sha256);
  if (manifest.instructions) files.set(RECOVERY_FILE, manifest.instructions[form]);
  return files;
}

/**
 * The files that say what a run is, in the order in which they are written: once they are there, it is complete. The
 * sums are signed too, so that whoever has only ssh-keygen and sha256sum can tell a forged file, not only a damaged one.
 */
export async function closingFiles(
  signed: SignedManifest,
  form: RunForm,
  stateFolder: string,
): Promise<ReadonlyMap<string, Buffer>> {
  const files = vouchedFiles(signed.manifest, form);
  files.set(MANIFEST_FILE, signed.sha256);
  files.set(SIGNATURE_FILE, sha256Of(signed.signature));
  const sums = Buffer.from(encodeSums(files));
  return new Map([
    [MANIFEST_FILE, signed.bytes],
    [SIGNATURE_FILE, signed.signature],
    [SUMS_FILE, sums],
    [`${SUMS_FILE}.sig`, await signBytes(sums, stateFolder, signed.manifest.host)],
  ]);
}

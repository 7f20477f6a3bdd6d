import { CoffreError } from '../model/error.ts';
import type { Emit } from '../model/event.ts';
import type { Manifest, TrustedManifest } from '../model/manifest.ts';
import type { Bytes, SealedFile } from '../model/stages.ts';
import { type RunReader, readSmall } from '../storage/run-reader.ts';
import { drain } from '../system/bytes.ts';
import { sha256Of } from '../system/files.ts';
import { dayArchiveRuns, segmentsOf } from './day-archive-parts.ts';
import { metered, meterOf } from './metered.ts';
import type { RestorePlan } from './plan-restore.ts';
import { readSealed, readSegments } from './read-sealed.ts';
import { RECOVERY_FILE, type RunForm, vouchedFiles } from './run-files.ts';
import { verifySums } from './verify-sums.ts';

/** Reads every byte that the plan is going to read, and keeps none. Throws `verification-failed`, and what `signal` fires with. */
export async function verifyCopy(
  plan: Pick<RestorePlan, 'form' | 'archives'>,
  manifest: Manifest,
  reader: RunReader,
  { emit, signal }: { readonly emit: Emit; readonly signal: AbortSignal },
): Promise<void> {
  const { dayArchive } = manifest;
  const runs = plan.form === 'offsite' ? dayArchiveRuns(manifest, plan.archives) : null;
  if (runs && dayArchive) {
    await assertSize(reader, dayArchive);
    const ranges = segmentsOf(runs.map(({ part }) => part));
    const totalBytes = ranges.reduce((sum, { count }) => sum + count, 0) * dayArchive.segments.segmentBytes;
    const meter = { emit, signal, phase: 'verify', subject: dayArchive.file, totalBytes };
    const watch = meterOf({ ...meter, totalBytes: Math.min(totalBytes, dayArchive.sealedBytes) });
    for (const { first, count } of ranges) {
      await drain(await readSegments(reader, dayArchive, first, count, { watch, passing: 'watched' }));
    }
    return;
  }
  const files = plan.form === 'offsite' && dayArchive ? [dayArchive] : plan.archives;
  for (const file of files) {
    const meter = { emit, signal, phase: 'verify', subject: file.file, totalBytes: file.sealedBytes };
    const watch = (bytes: Bytes) => metered(bytes, meter);
    await drain(await readSealed(reader, file, { watch, passing: 'watched' }));
  }
}

/** Of a file that is not read to its end nobody would see that it goes on, or that its end is missing. */
async function assertSize(reader: RunReader, { file, sealedBytes }: SealedFile): Promise<void> {
  const sizeBytes = await reader.sizeOf(file);
  if (sizeBytes === sealedBytes) return;
  throw new CoffreError(
    'verification-failed',
    `cannot trust ${file} of ${reader.where}: it has ${sizeBytes ?? 'no'} bytes instead of ${sealedBytes}`,
    { hint: 'take another copy of the run: npx zx tasks/list.ts' },
  );
}

/**
 * Nothing here reads RECOVERY.txt, nor SHA256SUMS with its signature, but somebody may type what stands in the one, and rely on
 * the others.
 */
export async function warnOfForgedText(
  signed: TrustedManifest,
  reader: RunReader,
  form: RunForm,
  { allowedSigners, emit }: { readonly allowedSigners: string; readonly emit: Emit },
): Promise<void> {
  const { host, instructions } = signed.manifest;
  const text = await readSmall(reader, RECOVERY_FILE);
  if (!text || sha256Of(text) !== instructions?.[form]) {
    const why = text ? 'is not as it was written' : 'is missing';
    const hint = 'type nothing that stands in it; RECOVERY.md of coffre has the commands';
    emit({ kind: 'warning', subject: host, text: `${RECOVERY_FILE} of ${reader.where} ${why}`, hint });
  }
  const vouched = vouchedFiles(signed.manifest, form);
  for (const { file, why } of await verifySums(reader, signed, vouched, allowedSigners)) {
    const hint =
      'this restore does not need it; whoever recovers by hand from this copy does: take another copy for that';
    emit({ kind: 'warning', subject: host, text: `${file} of ${reader.where} ${why}`, hint });
  }
}

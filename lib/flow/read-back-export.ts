import type { Copy } from '../model/manifest.ts';
import type { RunReader } from '../storage/run-reader.ts';
import { drain } from '../system/bytes.ts';
import type { BackupContext } from './backup-context.ts';
import type { Draft } from './journal.ts';
import { metered } from './metered.ts';
import { readSealed } from './read-sealed.ts';

/**
 * The copies of a run on its host, the export's now read back. Shipping it anywhere has read it to its end through the
 * same check, so that only an export which reached no offsite is read here. Throws `verification-failed`.
 */
export async function readBackExport(
  draft: Draft,
  exported: RunReader,
  shipped: boolean,
  { emit, signal }: BackupContext,
): Promise<readonly Copy[]> {
  const { dayArchive, copies } = draft;
  if (!dayArchive) return copies;
  const { file: subject, sealedBytes: totalBytes } = dayArchive;
  if (!shipped) {
    const watch = { emit, phase: 'day-archive', subject, totalBytes, signal };
    await drain(await readSealed(exported, dayArchive, (bytes) => metered(bytes, watch)));
  }
  return copies.map((copy) => (copy.kind === 'export' ? { ...copy, verified: 'read back' } : copy));
}

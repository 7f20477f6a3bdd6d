import type { DayArchive } from '../model/archive-record.ts';
import { asCoffreError, type CoffreError } from '../model/error.ts';
import type { Copy } from '../model/manifest.ts';
import type { Bytes } from '../model/stages.ts';
import type { RunReader } from '../storage/run-reader.ts';
import { drain } from '../system/bytes.ts';
import type { BackupContext } from './backup-context.ts';
import type { Draft } from './journal.ts';
import { metered } from './metered.ts';
import { readSealed } from './read-sealed.ts';

export interface LocalCopies {
  /** null when there is none, or none that is sound. */
  readonly dayArchive: DayArchive | null;
  readonly copies: readonly Copy[];
  /** Why the export does not count any more. The store does. */
  readonly damaged?: CoffreError;
}

/**
 * The copies of a run on its host, the export's now read back. Shipping it anywhere has read it to its end through the
 * same check, so that only an export which reached no offsite is read here.
 */
export async function readBackExport(
  { dayArchive, copies }: Draft,
  exported: RunReader,
  shipped: boolean,
  { emit, signal }: BackupContext,
): Promise<LocalCopies> {
  if (!dayArchive) return { dayArchive, copies };
  const exportIs = (facts: Pick<Copy, 'state' | 'verified'>) =>
    copies.map((copy) => (copy.kind === 'export' ? { ...copy, ...facts } : copy));
  const { file: subject, sealedBytes: totalBytes } = dayArchive;
  try {
    if (!shipped) {
      const meter = { emit, phase: 'day-archive', subject, totalBytes, signal };
      const reading = { watch: (bytes: Bytes) => metered(bytes, meter), passing: 'watched' } as const;
      await drain(await readSealed(exported, dayArchive, reading));
    }
    return { dayArchive, copies: exportIs({ state: 'complete', verified: 'read back' }) };
  } catch (error) {
    signal.throwIfAborted();
    const damaged = asCoffreError(error);
    return { dayArchive: null, copies: exportIs({ state: 'missing', verified: null }), damaged };
  }
}

import { asCoffreError, type CoffreError, type ErrorCode } from '../model/error.ts';
import type { Archive, Copy, DayArchive } from '../model/manifest.ts';
import { type RecoveryForm, recoveryText } from '../seal/recovery-text.ts';
import { drain } from '../system/bytes.ts';
import { sha256Of } from '../system/files.ts';
import { backUpDatabases } from './back-up-databases.ts';
import type { BackupContext } from './backup-context.ts';
import { buildDayArchive } from './build-day-archive.ts';
import { Completions } from './completions.ts';
import type { Draft } from './journal.ts';
import type { PreparedRun } from './prepare-run.ts';
import { readSealed } from './read-sealed.ts';
import { RECOVERY_FILE } from './run-files.ts';
import type { LocalFolders } from './run-folders.ts';

/** What a full or broken export does. The store is safe then, and the run goes on without a day archive. */
const EXPORT_FAILURES: readonly ErrorCode[] = ['no-space', 'write-failed'];

export interface SealedRun {
  readonly draft: Draft;
  /** Why there is no day archive. */
  readonly exportError?: CoffreError;
}

/**
 * Everything of a run that needs the passphrase: the archives in the store, the day archive in the export, beside
 * each the wrapped keys and RECOVERY.txt. Afterwards the passphrase is not needed on this host any more.
 */
export async function sealRun(
  prepared: PreparedRun,
  draft: Draft,
  folders: LocalFolders,
  { emit, signal }: BackupContext,
): Promise<SealedRun> {
  const finished = new Completions<Archive>();
  const [dumped, day] = await Promise.allSettled([
    backUpDatabases(prepared, folders.store, finished, emit, signal),
    buildDayArchive(prepared, folders.store, folders.exported, finished, emit, signal),
  ]);
  if (dumped.status === 'rejected') throw dumped.reason;
  const exportError = day.status === 'rejected' ? toleratedOrThrown(day.reason, signal) : undefined;
  const dayArchive: DayArchive | null = day.status === 'fulfilled' ? day.value : null;
  const { archives, snapshot, dumpProgram } = dumped.value;

  for (const { record, content } of prepared.wrapped) {
    await folders.keys.writeSmall(record.wrappedKey.file, content);
    await folders.store.writeSmall(record.wrappedKey.file, content);
    if (dayArchive) await folders.exported.writeSmall(record.wrappedKey.file, content);
  }
  const { host, run } = prepared;
  const facts = {
    host: host.name,
    run,
    iterations: draft.encryption?.iterations ?? 0,
    recipients: draft.recipients,
    archives,
  };
  const text = (form: RecoveryForm) => recoveryText(form, facts);
  await folders.store.writeSmall(RECOVERY_FILE, text('store'));
  if (dayArchive) await folders.exported.writeSmall(RECOVERY_FILE, text('offsite'));

  // With a day archive every archive has been read back from the store already: it was built from them. The day archive
  // itself is read back when it is shipped.
  if (!dayArchive) for (const archive of archives) await drain(await readSealed(folders.store.reader, archive));
  const copies: Copy[] = [
    { kind: 'store', offsite: null, state: 'complete', verified: 'read back' },
    {
      kind: 'export',
      offsite: null,
      state: dayArchive ? 'complete' : 'missing',
      verified: dayArchive ? 'size only' : null,
    },
  ];
  return {
    draft: {
      ...draft,
      software: { ...draft.software, dump: dumpProgram },
      snapshot,
      archives: [...archives],
      dayArchive,
      instructions: { store: sha256Of(text('store')), offsite: sha256Of(text('offsite')) },
      copies,
    },
    ...(exportError ? { exportError } : {}),
  };
}

function toleratedOrThrown(error: unknown, signal: AbortSignal): CoffreError {
  signal.throwIfAborted();
  const failure = asCoffreError(error);
  if (!EXPORT_FAILURES.includes(failure.code)) throw failure;
  return failure;
}

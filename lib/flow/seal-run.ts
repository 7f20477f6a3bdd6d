import { asCoffreError, type CoffreError, type ErrorCode } from '../model/error.ts';
import type { RunReader } from '../storage/run-reader.ts';
import { drain } from '../system/bytes.ts';
import { sha256Of } from '../system/files.ts';
import { backUpDatabases } from './back-up-databases.ts';
import type { BackupContext } from './backup-context.ts';
import { exportDayArchive } from './export-day-archive.ts';
import type { GrowingDayArchive } from './growing-day-archive.ts';
import type { Draft } from './journal.ts';
import type { PreparedRun } from './prepare-run.ts';
import { readSealed } from './read-sealed.ts';
import { RECOVERY_FILE, type RunForm } from './run-files.ts';
import type { LocalFolders } from './run-folders.ts';
import { runInstructions } from './run-instructions.ts';
import { sealNames } from './seal-names.ts';

/** What a full, broken or missing export does. The store is safe then, and the run goes on without a day archive. */
export const EXPORT_FAILURES: readonly ErrorCode[] = [
  'no-space',
  'write-failed',
  'disk-failed',
  'store-unreachable',
  'not-found',
];

export interface SealedRun {
  readonly draft: Draft;
  /** Hash → name, for people at this host; empty where names are plain. Never to be published. */
  readonly names: ReadonlyMap<string, string>;
  /** What the offsites get: the day archive, or the archives one by one when there is none. */
  readonly source: RunReader;
  /** Why there is no day archive. */
  readonly exportError?: CoffreError;
}

/**
 * Everything of a run that needs the passphrase: the archives in the store, the day archive in the export, beside
 * each the wrapped keys and RECOVERY.txt. `onGrowing` gets the day archive as soon as it begins to grow. Afterwards the
 * passphrase is not needed on this host any more.
 */
export async function sealRun(
  prepared: PreparedRun,
  draft: Draft,
  folders: LocalFolders,
  context: BackupContext,
  onGrowing: (growing: GrowingDayArchive) => void,
): Promise<SealedRun> {
  const { emit, signal, giveWay } = context;
  const dumps = await backUpDatabases(prepared, folders.store, emit, signal);
  const durable = dumps.archives.map((each) => each.durable);
  const { namesKey, passphrase, wrapped } = prepared;
  const sealing = namesKey ? sealNames(namesKey, dumps.names, passphrase) : null;
  const sealedNames = await sealing?.catch(async (error: unknown) => {
    await dumps.close();
    throw error;
  });
  const named: Draft = sealedNames ? { ...draft, names: sealedNames.record } : draft;
  const beside = new Map(wrapped.map(({ record, content }) => [record.wrappedKey.file, content]));
  if (sealedNames) beside.set(sealedNames.record.file, sealedNames.content);
  const source = { store: folders.store, archives: dumps.archives, beside };
  const exporting = exportDayArchive(prepared, named, source, context, onGrowing);
  const [exported] = await Promise.allSettled([exporting, giveWay?.(), ...durable]);
  await dumps.close();
  const failed = dumps.failure();
  if (failed) throw failed.error;
  const done = exported.status === 'fulfilled' ? exported.value : undefined;
  const archives = done?.archives ?? (await Promise.all(durable));
  const { snapshot, replication, dumpProgram } = dumps;
  for (const { record, content } of wrapped) await folders.keys.writeSmall(record.wrappedKey.file, content);
  for (const [name, content] of beside) await folders.store.writeSmall(name, content);
  const instructions = (form: RunForm) => runInstructions(form, { ...named, archives: [...archives] });
  await folders.store.writeSmall(RECOVERY_FILE, instructions('store'));
  // With a day archive every archive has been read back from the store already: it was built from them.
  if (exported.status === 'rejected') {
    for (const archive of archives) {
      await drain(await readSealed(folders.store.reader, archive, { passing: 'watched' }));
    }
  }
  return {
    draft: {
      ...named,
      software: { ...draft.software, dump: dumpProgram },
      server: draft.server && { ...draft.server, replication },
      snapshot,
      archives: [...archives],
      dayArchive: done?.dayArchive ?? null,
      instructions: { store: sha256Of(instructions('store')), offsite: sha256Of(instructions('offsite')) },
      copies: [
        { kind: 'store', offsite: null, state: 'complete', verified: 'read back' },
        done
          ? { kind: 'export', offsite: null, state: 'complete', verified: 'size only' } // until it is read to be shipped
          : { kind: 'export', offsite: null, state: 'missing', verified: null },
      ],
    },
    names: new Map(namesKey ? [...dumps.names].map((name) => [namesKey.hash(name), name]) : []),
    source: done?.reader ?? folders.store.reader,
    ...(exported.status === 'rejected' ? { exportError: toleratedOrThrown(exported.reason, signal) } : {}),
  };
}

function toleratedOrThrown(error: unknown, signal: AbortSignal): CoffreError {
  signal.throwIfAborted();
  const failure = asCoffreError(error);
  if (!EXPORT_FAILURES.includes(failure.code)) throw failure;
  return failure;
}

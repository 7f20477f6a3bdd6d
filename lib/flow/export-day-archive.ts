import { openRunFolders, type RunFolder } from '../storage/run-folders.ts';
import type { RunReader } from '../storage/run-reader.ts';
import { assertFolderWritable } from '../storage/store-guard.ts';
import type { ArchiveUnderWay } from './archives-as-durable.ts';
import type { BackupContext } from './backup-context.ts';
import { type BuiltDayArchive, buildDayArchive } from './build-day-archive.ts';
import type { GrowingDayArchive } from './growing-day-archive.ts';
import type { Draft } from './journal.ts';
import type { PreparedRun } from './prepare-run.ts';
import { RECOVERY_FILE } from './run-files.ts';
import { runInstructions } from './run-instructions.ts';

/** Where the day archive is made from. */
export interface ExportSource {
  readonly store: RunFolder;
  readonly archives: readonly ArchiveUnderWay[];
  /** Small files that lie beside the archives wherever these are, by name. */
  readonly beside: ReadonlyMap<string, Buffer>;
}

/**
 * The export's folder of a run, complete but for its manifest. `onGrowing` gets the day archive as soon as it begins to
 * grow. Takes away what it has written when it fails.
 */
export async function exportDayArchive(
  prepared: PreparedRun,
  draft: Draft,
  { store, archives, beside }: ExportSource,
  context: BackupContext,
  onGrowing: (growing: GrowingDayArchive) => void,
): Promise<BuiltDayArchive & { readonly reader: RunReader }> {
  const { host, run } = prepared;
  await assertFolderWritable(host.export.path);
  const folder = await openRunFolders(host.export.path).beginRun(run);
  try {
    const built = await buildDayArchive(prepared, store, folder, archives, context, onGrowing);
    for (const [name, content] of beside) await folder.writeSmall(name, content);
    const instructions = runInstructions('offsite', { ...draft, archives: [...built.archives] });
    await folder.writeSmall(RECOVERY_FILE, instructions);
    return { ...built, reader: folder.reader };
  } catch (error) {
    await folder.discard();
    throw error;
  }
}

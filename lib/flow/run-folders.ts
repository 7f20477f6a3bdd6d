import { join } from 'node:path';
import { CoffreError } from '../model/error.ts';
import type { HostConfig } from '../model/inventory.ts';
import type { SignedManifest } from '../model/manifest.ts';
import type { RunId } from '../model/run-id.ts';
import { folderReader, openRunFolders, type RunFolder } from '../storage/run-folders.ts';
import { partialName } from '../storage/run-names.ts';
import { exists, readIfPresent, removeDurably, renameDurably, writeDurably } from '../system/files.ts';
import type { Draft } from './journal.ts';
import { closingFiles, formOf, type RunForm } from './run-files.ts';

/** Where a run is on its host while it is being written. The export's folder is made when there is something for it. */
export interface LocalFolders {
  readonly store: RunFolder;
  readonly keys: RunFolder;
}

export async function beginFolders(host: HostConfig, run: RunId): Promise<LocalFolders> {
  return {
    store: await openRunFolders(host.store.path).beginRun(run),
    keys: await openRunFolders(host.keys.path).beginRun(run),
  };
}

/** Tries each, whatever becomes of the others: throws the first failure. */
export async function discardFolders(host: HostConfig, run: RunId): Promise<void> {
  const failures: unknown[] = [];
  for (const { path } of [host.store, host.export, host.keys]) {
    const removed = openRunFolders(path).removePartial(run);
    await removed.catch((error: unknown) => failures.push(error));
  }
  if (failures.length > 0) throw failures[0];
}

/** Where a run is on its host, the place first that it cannot do without. */
export type LocalPlace = 'store' | 'keys' | 'export';

/** The places of a run by its own word: the export only where it is whole there. */
export function placesOf({ copies }: Pick<Draft, 'copies'>): readonly LocalPlace[] {
  const exported = copies.some(({ kind, state }) => kind === 'export' && state === 'complete');
  return exported ? ['store', 'keys', 'export'] : ['store', 'keys'];
}

/** Throws `write-failed` where a folder of the run is not where it was written to, under either of its names. */
export async function assertFoldersThere(host: HostConfig, run: RunId, places: readonly LocalPlace[]): Promise<void> {
  for (const place of places) await standingOf(host[place].path, run);
}

/**
 * Writes what says what the run is into its folder at one place. Can be repeated, also where it has its final name. Never
 * renames over a file: on a replicated volume whoever has the old one open would get ESTALE.
 */
export async function writeClosing(host: HostConfig, signed: SignedManifest, place: LocalPlace): Promise<void> {
  if (place === 'keys') return;
  const { folder, isFinal } = await standingOf(host[place].path, signed.manifest.run);
  if (isFinal) return;
  const form = formOf(signed.manifest, await folderReader(folder).list());
  for (const [name, content] of await closingFiles(signed, form, host.state.path)) {
    const file = join(folder, name);
    if ((await readIfPresent(file))?.equals(content)) continue;
    await removeDurably(file);
    await writeDurably(file, content, 0o600);
  }
}

/**
 * Gives the folder of a run, complete with what `writeClosing` writes, its final name. Can be repeated after a kill at any
 * point: a folder that has its name already is left alone.
 */
export async function closeFolder(host: HostConfig, run: RunId, place: LocalPlace): Promise<void> {
  const { path } = host[place];
  const { folder, isFinal } = await standingOf(path, run);
  if (!isFinal) await renameDurably(folder, join(path, run));
}

/**
 * The folder of a run at a place, under either of its names. Throws `write-failed` where there is none: what is gone with its
 * volume would be passed over otherwise.
 */
export async function standingOf(
  path: string,
  run: RunId,
): Promise<{ readonly folder: string; readonly isFinal: boolean }> {
  const partial = join(path, partialName(run));
  if (await exists(partial)) return { folder: partial, isFinal: false };
  const final = join(path, run);
  if (await exists(final)) return { folder: final, isFinal: true };
  throw new CoffreError('write-failed', `cannot finish the run ${run} in ${path}: its folder is not there any more`, {
    hint: `look at: findmnt -T ${path}; ls -la ${path}`,
  });
}

/** The form in which a run leaves the host: the day archive, or the archives one by one when there is none. */
export function shippedForm(dayArchive: unknown): RunForm {
  return dayArchive === null ? 'store' : 'offsite';
}

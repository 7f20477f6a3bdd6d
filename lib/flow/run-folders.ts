import { join } from 'node:path';
import type { HostConfig } from '../model/inventory.ts';
import type { SignedManifest } from '../model/manifest.ts';
import type { RunId } from '../model/run-id.ts';
import { openRunFolders, type RunFolder } from '../storage/run-folders.ts';
import { partialName } from '../storage/run-names.ts';
import { exists, renameDurably, writeDurably } from '../system/files.ts';
import { closingFiles, type RunForm } from './run-files.ts';

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

export async function discardFolders(host: HostConfig, run: RunId): Promise<void> {
  for (const { path } of [host.store, host.export, host.keys]) await openRunFolders(path).removePartial(run);
}

/** Writes what says what the run is into each of its folders. Can be repeated, also where one has its final name. */
export async function writeClosing(host: HostConfig, signed: SignedManifest): Promise<void> {
  for (const { path, form } of placesOf(host, signed)) {
    const partial = join(path, partialName(signed.manifest.run));
    if (form === null || !(await exists(partial))) continue;
    const closing = await closingFiles(signed, form, host.state.path);
    for (const [name, content] of closing) await writeDurably(join(partial, name), content, 0o600);
  }
}

/**
 * Gives the folders of a run, complete with what `writeClosing` writes, their final names: first the store's. Can be
 * repeated after a kill at any point: a folder that has its name already is left alone.
 */
export async function closeFolders(host: HostConfig, signed: SignedManifest): Promise<void> {
  const { run } = signed.manifest;
  for (const { path } of placesOf(host, signed)) {
    const partial = join(path, partialName(run));
    if (await exists(partial)) await renameDurably(partial, join(path, run));
  }
}

function placesOf(host: HostConfig, { manifest }: SignedManifest) {
  const places: { readonly path: string; readonly form: RunForm | null }[] = [
    { path: host.store.path, form: 'store' },
    { path: host.keys.path, form: null },
  ];
  return manifest.dayArchive ? [...places, { path: host.export.path, form: 'offsite' as const }] : places;
}

/** The form in which a run leaves the host: the day archive, or the archives one by one when there is none. */
export function shippedForm(dayArchive: unknown): RunForm {
  return dayArchive === null ? 'store' : 'offsite';
}

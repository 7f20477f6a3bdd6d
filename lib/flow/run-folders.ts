import { join } from 'node:path';
import type { HostConfig } from '../model/inventory.ts';
import type { SignedManifest } from '../model/manifest.ts';
import type { RunId } from '../model/run-id.ts';
import { openRunFolders, type RunFolder } from '../storage/run-folders.ts';
import { exists, renameDurably, writeDurably } from '../system/files.ts';
import { closingFiles, type RunForm } from './run-files.ts';

/** The three places of a run on its host, while it is being written. */
export interface LocalFolders {
  readonly store: RunFolder;
  readonly exported: RunFolder;
  readonly keys: RunFolder;
}

export async function beginFolders(host: HostConfig, run: RunId): Promise<LocalFolders> {
  const [store, exported, keys] = [host.store, host.export, host.keys].map(({ path }) => openRunFolders(path));
  if (!store || !exported || !keys) throw new Error('three folders');
  return { store: await store.beginRun(run), exported: await exported.beginRun(run), keys: await keys.beginRun(run) };
}

export async function discardFolders(host: HostConfig, run: RunId): Promise<void> {
  for (const { path } of [host.store, host.export, host.keys]) await openRunFolders(path).removePartial(run);
}

/**
 * Writes what says what the run is into each of its folders, and gives them their final names: first the store's.
 * Can be repeated after a kill at any point: a folder that has its name already is left alone.
 */
export async function closeFolders(host: HostConfig, signed: SignedManifest): Promise<void> {
  const { run, dayArchive } = signed.manifest;
  await close(host.store.path, run, closingFiles(signed, 'store'));
  if (dayArchive) await close(host.export.path, run, closingFiles(signed, 'offsite'));
  else await openRunFolders(host.export.path).removePartial(run);
  await close(host.keys.path, run, new Map());
}

async function close(path: string, run: RunId, closing: ReadonlyMap<string, Buffer>): Promise<void> {
  const partial = join(path, `.${run}.partial`);
  if (!(await exists(partial))) return;
  for (const [name, content] of closing) await writeDurably(join(partial, name), content, 0o600);
  await renameDurably(partial, join(path, run));
}

/** The form in which a run leaves the host: the day archive, or the archives one by one when there is none. */
export function shippedForm(dayArchive: unknown): RunForm {
  return dayArchive === null ? 'store' : 'offsite';
}

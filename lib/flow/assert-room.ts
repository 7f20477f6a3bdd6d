import { asCoffreError, CoffreError } from '../model/error.ts';
import { formatBytes } from '../model/format-bytes.ts';
import type { HostConfig, Inventory } from '../model/inventory.ts';
import type { Manifest } from '../model/manifest.ts';
import { openRunFolders } from '../storage/run-folders.ts';
import { freeBytes } from '../storage/store-guard.ts';
import type { BackupContext } from './backup-context.ts';
import { readManifest } from './read-manifest.ts';

/**
 * Makes sure, before anything is dumped, that the store has room for as much as the largest of the last runs there took, and
 * some more: a volume that gets full in the middle of a night has nothing new, and a replicated one may not heal any more.
 * Throws `no-space`. Tells, where there is room for this run and none for the next; and of the export, which a run can do without.
 */
export async function assertRoom(
  host: HostConfig,
  { inventory, emit }: Pick<BackupContext, 'inventory' | 'emit'>,
  freeAt = freeBytes,
): Promise<void> {
  const { path, reserve } = host.store;
  if (reserve.factor === 0) return;
  const history = await lastRuns(host, inventory, path);
  const warn = (text: string, hint: string) => emit({ kind: 'warning', subject: host.name, text, hint });
  const stored = largest(history, ({ archives }) => archives.reduce((sum, { sealedBytes }) => sum + sealedBytes, 0));
  if (stored === 0) return;
  const wantedBytes = Math.ceil(stored * reserve.factor);
  const hint = `free space: df -h ${path}; let fewer runs stay: retention.store, npx zx tasks/prune.ts --dry-run`;
  const leftBytes = await freeAt(path);
  const sizes = `${formatBytes(leftBytes)} free, and a run takes up to ${formatBytes(stored)} (by the last ${history.length})`;
  if (leftBytes < wantedBytes) {
    const asked = `store.reserve asks for ${formatBytes(wantedBytes)}`;
    throw new CoffreError('no-space', `cannot begin a run: the store ${path} has ${sizes}: ${asked}`, { hint });
  }
  if (leftBytes < stored + wantedBytes)
    warn(`the store ${path} has ${sizes}: there is room for this run, not for another`, hint);
  const exported = largest(history, ({ dayArchive }) => dayArchive?.sealedBytes ?? 0);
  const exportPath = host.export.path;
  // What keeps it from being looked at, the run finds out for itself.
  const exportBytes = await freeAt(exportPath).catch(() => Number.POSITIVE_INFINITY);
  if (exportBytes < exported * reserve.factor) {
    const text = `the export ${exportPath} has ${formatBytes(exportBytes)} free, and the last runs took up to ${formatBytes(exported)} each: this one may have to do without it`;
    warn(text, `free space: df -h ${exportPath}; let fewer runs stay: retention.export`);
  }
}

/** The newest runs of a store that somebody vouches for. */
async function lastRuns(host: HostConfig, inventory: Inventory, path: string): Promise<readonly Manifest[]> {
  const folders = openRunFolders(path);
  const manifests: Manifest[] = [];
  for (const run of [...(await folders.listRuns())].slice(-host.store.reserve.runs)) {
    const reader = await folders.openRun(run);
    if (!reader) continue;
    try {
      manifests.push((await readManifest(reader, host.name, run, inventory.allowedSigners)).manifest);
    } catch (error) {
      if (asCoffreError(error).code !== 'verification-failed') throw error;
    }
  }
  return manifests;
}

function largest(manifests: readonly Manifest[], sizeOf: (manifest: Manifest) => number): number {
  return Math.max(0, ...manifests.map(sizeOf));
}

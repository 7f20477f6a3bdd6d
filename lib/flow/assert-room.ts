import { asCoffreError, CoffreError } from '../model/error.ts';
import { formatBytes } from '../model/format-bytes.ts';
import type { HostConfig, Inventory } from '../model/inventory.ts';
import type { Manifest } from '../model/manifest.ts';
import type { Remark } from '../model/plan.ts';
import { openRunFolders } from '../storage/run-folders.ts';
import { freeBytes } from '../storage/store-guard.ts';
import type { BackupContext } from './backup-context.ts';
import { readManifest } from './read-manifest.ts';

/** What a place has, and what a run takes of it by the last ones that are there. All in bytes. */
export interface Room {
  readonly path: string;
  readonly freeBytes: number;
  /** The most that one of the last runs took; 0 while there is none. */
  readonly takesBytes: number;
  /** The same with what store.reserve has beside it. */
  readonly wantedBytes: number;
  /** How many runs that is by. */
  readonly runs: number;
}

/** What store and export have, and what a run takes there. What keeps the export from being looked at is for the run to find out. */
export async function measureRoom(
  host: HostConfig,
  inventory: Pick<Inventory, 'allowedSigners'>,
  freeAt = freeBytes,
): Promise<{ readonly store: Room; readonly exported: Room }> {
  const { path, reserve } = host.store;
  const history = await lastRuns(host, inventory, path);
  const stored = largest(history, ({ archives }) => archives.reduce((sum, { sealedBytes }) => sum + sealedBytes, 0));
  const exported = largest(history, ({ dayArchive }) => dayArchive?.sealedBytes ?? 0);
  const roomAt = (path: string, takesBytes: number, freeBytes: number): Room => {
    return { path, freeBytes, takesBytes, wantedBytes: Math.ceil(takesBytes * reserve.factor), runs: history.length };
  };
  const exportBytes = await freeAt(host.export.path).catch(() => Number.POSITIVE_INFINITY);
  return {
    store: roomAt(path, stored, await freeAt(path)),
    exported: roomAt(host.export.path, exported, exportBytes),
  };
}

/**
 * Makes sure, before anything is dumped, that the store has room for as much as the largest of the last runs there took, and
 * some more: a volume that gets full in the middle of a night has nothing new, and a replicated one may not heal any more.
 * Throws `no-space`. Tells, where there is room for this run and none for the next; and of the export, which a run can do without.
 */
export async function assertRoom(
  host: HostConfig,
  { inventory, emit }: Pick<BackupContext, 'emit'> & { readonly inventory: Pick<Inventory, 'allowedSigners'> },
  freeAt = freeBytes,
): Promise<void> {
  if (host.store.reserve.factor === 0) return;
  const { store, exported } = await measureRoom(host, inventory, freeAt);
  const warn = (text: string, hint: string) => emit({ kind: 'warning', subject: host.name, text, hint });
  const { path, freeBytes: leftBytes, takesBytes, wantedBytes } = store;
  if (takesBytes === 0) return;
  const hint = `free space: df -h ${path}; let fewer runs stay: retention.store, npx zx tasks/prune.ts --dry-run`;
  const sizes = `${formatBytes(leftBytes)} free, and a run takes up to ${formatBytes(takesBytes)} (by the last ${store.runs})`;
  if (leftBytes < wantedBytes) {
    const asked = `store.reserve asks for ${formatBytes(wantedBytes)}`;
    throw new CoffreError('no-space', `cannot begin a run: the store ${path} has ${sizes}: ${asked}`, { hint });
  }
  if (leftBytes < takesBytes + wantedBytes)
    warn(`the store ${path} has ${sizes}: there is room for this run, not for another`, hint);
  const remark = exportRemark(exported);
  if (remark) warn(remark.text, remark.hint);
}

/** What to say of an export that has less room than the last runs took. */
export function exportRemark({ path, freeBytes, takesBytes, wantedBytes }: Room): Remark | undefined {
  if (freeBytes >= wantedBytes) return undefined;
  const text = `the export ${path} has ${formatBytes(freeBytes)} free, and the last runs took up to ${formatBytes(takesBytes)} each: this one may have to do without it`;
  return { text, hint: `free space: df -h ${path}; let fewer runs stay: retention.export` };
}

/** The newest runs of a store that somebody vouches for. */
async function lastRuns(
  host: HostConfig,
  inventory: Pick<Inventory, 'allowedSigners'>,
  path: string,
): Promise<readonly Manifest[]> {
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

import { parseManifest } from '../audit/canonical.ts';
import { CoffreError } from '../model/error.ts';
import type { HostConfig } from '../model/inventory.ts';
import { openRunFolders } from '../storage/run-folders.ts';
import { readSmall } from '../storage/run-reader.ts';
import { assertStoreMounted } from '../storage/store-guard.ts';
import { lockStore, type StoreLock } from '../storage/store-lock.ts';
import type { BackupContext } from './backup-context.ts';
import { MANIFEST_FILE } from './run-files.ts';

/**
 * Proves that the store is there and takes writes, and makes it the caller's alone (`doing` tells others what for) among all hosts of its volume. To be called
 * by whoever has the lock of the host's runs. Throws what `assertStoreMounted` throws; `locked` where another host is at work in
 * it; `inventory` where it is the folder of another host.
 */
export async function claimStore(
  host: HostConfig,
  doing: string,
  { clock, emit, breakLockOf }: Pick<BackupContext, 'clock' | 'emit' | 'breakLockOf'>,
): Promise<StoreLock> {
  const { path } = host.store;
  await assertStoreMounted(host.store);
  const lock = await lockStore({
    ...{ path, clock, breakOf: breakLockOf },
    ...{ host: host.name, state: host.state.path, doing },
  });
  if (lock.takenFrom !== undefined) {
    const text = `the lock of the store was left by ${lock.takenFrom}, which is over: it is taken away`;
    emit({ kind: 'warning', subject: host.name, text, hint: 'look at what ended it: journalctl --since yesterday' });
  }
  try {
    await assertOwnFolder(host);
    return lock;
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/** By the newest run that says whose it is. What lies in a folder of two hosts, each would take for what it has left itself. */
async function assertOwnFolder({ name, store: { path } }: HostConfig): Promise<void> {
  const folders = openRunFolders(path);
  for (const run of [...(await folders.listRuns())].reverse()) {
    const reader = await folders.openRun(run);
    const bytes = reader && (await readSmall(reader, MANIFEST_FILE));
    const owner = bytes && ownerBy(bytes);
    if (owner === undefined) continue;
    if (owner === name) return;
    throw new CoffreError('inventory', `cannot use the store ${path} for ${name}: it has runs of the host ${owner}`, {
      hint: `give each host a folder of its own: store.path in inventory/hosts/${name}.yaml; if it is the same host under a new name, move the old runs away`,
    });
  }
}

function ownerBy(manifest: Buffer): string | undefined {
  try {
    return parseManifest(manifest).host;
  } catch {
    return undefined; // nobody vouches for it, and no run is kept from its work by that
  }
}

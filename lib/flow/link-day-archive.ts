import { link, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { HostConfig } from '../model/inventory.ts';
import type { RunId } from '../model/run-id.ts';
import { isFileName, partialName } from '../storage/run-names.ts';
import { explained } from '../system/explained.ts';
import { makeFolder, removeDurably, syncFolder } from '../system/files.ts';
import { standingOf } from './run-folders.ts';
import { withStandIn } from './run-store.ts';

/**
 * Has the export's copy of a run wait for the store as well, where the run's archives are in a store that has gone: each file
 * gets a second name in what stands in for the store, which takes no room. The folder is not finished yet. Throws
 * `write-failed` where the export has not got the run.
 */
export async function linkDayArchive(host: HostConfig, run: RunId): Promise<void> {
  const { folder } = await standingOf(host.export.path, run);
  const { path } = withStandIn(host).store;
  const waiting = join(path, partialName(run));
  await removeDurably(waiting);
  await makeFolder(waiting, 0o700);
  try {
    for (const name of await readdir(folder)) {
      if (isFileName(name)) await link(join(folder, name), join(waiting, name));
    }
    await syncFolder(waiting);
  } catch (error) {
    throw explained('write to', waiting, error);
  }
}

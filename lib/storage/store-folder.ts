import { realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf } from '../model/error.ts';
import type { Resource } from '../model/plan.ts';
import type { StorePlace } from '../model/store-config.ts';
import { explained } from '../system/explained.ts';
import { makeFolder } from '../system/files.ts';
import { mountOf, parseMounts, readMountinfo } from '../system/mounts.ts';

const MODE = 0o700;

/**
 * The host's own folder on a mounted store. It is made only where what is there of its path is on a mount of the right
 * type: below an empty mount point it would take every backup, and lose it with the host. A store that is not mounted is
 * no change but a remark, since a plan cannot mount it.
 */
export function storeFolder({ path, mount, source }: StorePlace, mountinfo = readMountinfo): Resource {
  return {
    kind: 'folder',
    name: path,
    async inspect() {
      const there = await deepestThere(path);
      if (there === path) return undefined;
      const on = mountOf(parseMounts(await mountinfo()), await realpath(there));
      if (on?.type !== mount || (source !== undefined && on.source !== source)) return undefined;
      const lines = [` on the ${mount} at ${on.path}`, `+mode ${MODE.toString(8).padStart(4, '0')}`];
      return { action: 'create', kind: 'folder', name: path, lines };
    },
    apply: () => makeFolder(path, MODE),
  };
}

async function deepestThere(path: string): Promise<string> {
  try {
    await stat(path);
    return path;
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw explained('look at', path, error);
    return await deepestThere(dirname(path));
  }
}

import type { Resource } from '../model/plan.ts';
import { previousOf, readReleases } from './release/releases.ts';
import { noOtherRelease, rollbackRelease } from './release.ts';

/** The release before the current one, in its place. A second rollback goes back to where the first came from. */
export function rollbackResource(path: string): Resource {
  let done = false;
  return {
    kind: 'release',
    name: path,
    async inspect() {
      if (done) return undefined;
      const releases = await readReleases(path);
      const to = previousOf(releases);
      if (to === undefined) throw noOtherRelease(path);
      const lines = [`-current -> ${releases.current ?? 'nothing'}`, `+current -> ${to}`];
      return { action: 'change', kind: 'release', name: path, lines };
    },
    async apply() {
      await rollbackRelease(path);
      done = true;
    },
  };
}

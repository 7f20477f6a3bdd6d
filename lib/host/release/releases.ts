import { readdir, readlink } from 'node:fs/promises';
import { CoffreError, errnoOf } from '../../model/error.ts';
import { explained } from '../../system/explained.ts';
import { PARTIAL } from '../../system/files.ts';
import { ReleaseVersion } from './description.ts';

/** What stands in the folder of the releases. Files that are not ours are in none of these, and are left alone. */
export interface Releases {
  readonly versions: readonly ReleaseVersion[];
  /** What the link `current` says, whether or not it is there; null without the link. */
  readonly current: string | null;
  readonly previous: string | null;
  /** Names of what is not finished: of an installation, a switch or a removal that was killed. */
  readonly unfinished: readonly string[];
}

export const CURRENT = 'current';
export const PREVIOUS = 'previous';

/** Reads the folder of the releases; one that is missing has none. Throws `refused` when a link of ours is no link. */
export async function readReleases(path: string): Promise<Releases> {
  const names = await readdir(path).catch((error: unknown): string[] => {
    if (errnoOf(error) === 'ENOENT') return [];
    throw explained('read', path, error);
  });
  return {
    versions: names.filter(isVersion).sort(),
    current: names.includes(CURRENT) ? await readLink(path, CURRENT) : null,
    previous: names.includes(PREVIOUS) ? await readLink(path, PREVIOUS) : null,
    unfinished: names.filter(isUnfinished).sort(),
  };
}

/** The release that can be rolled back to: one that is there, and not the current one. */
export function previousOf({ versions, current, previous }: Releases): ReleaseVersion | undefined {
  return versions.find((version) => version === previous && version !== current);
}

function isVersion(name: string): name is ReleaseVersion {
  return ReleaseVersion.safeParse(name).success;
}

function isUnfinished(name: string): boolean {
  const finished = name.slice(0, -PARTIAL.length);
  return name.endsWith(PARTIAL) && (finished === CURRENT || finished === PREVIOUS || isVersion(finished));
}

async function readLink(path: string, name: string): Promise<string> {
  return await readlink(`${path}/${name}`).catch((error: unknown) => {
    if (errnoOf(error) !== 'EINVAL') throw explained('read', `${path}/${name}`, error);
    throw new CoffreError('refused', `cannot use ${path}: ${name} in it is not a link`, {
      hint: `somebody else made it; move it away: ls -ld ${path}/${name}`,
    });
  });
}

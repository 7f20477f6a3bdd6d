import { readdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { CoffreError, errnoOf } from '../model/error.ts';
import type { Change, Resource } from '../model/plan.ts';
import { explained } from '../system/explained.ts';
import { makeFolder, removeDurably } from '../system/files.ts';
import { compareRelease, type Difference, readDescription, type Wanted } from './release/compare.ts';
import type { ReleaseVersion } from './release/description.ts';
import { installRelease, removeRelease, switchLink } from './release/install.ts';
import { processesIn } from './release/processes.ts';
import { CURRENT, PREVIOUS, previousOf, type Releases, readReleases } from './release/releases.ts';

export interface ReleaseOptions {
  /** Folder of the unpacked release that is to be installed: the one from which the agent runs. */
  readonly source: string;
  /** `agent.path` of the inventory. */
  readonly path: string;
  /** The Node of the host, for a release that brings none along; that of this process if absent. */
  readonly node?: string;
}

/**
 * The agent's release under `<path>/<version>`, with `<path>/current` leading to it and the one before it kept as
 * `previous`. A release is what its description says, byte by byte: one that was damaged or edited is mended. Older
 * ones go, unless something still runs from them.
 */
export function releaseResource({ source, path, node = process.execPath }: ReleaseOptions): Resource {
  return {
    kind: 'release',
    name: path,
    async inspect() {
      const [wanted, releases] = await Promise.all([readDescription(source, node), readReleases(path)]);
      const { version } = wanted.description;
      const installed = releases.versions.includes(version);
      const differences = installed ? await compareRelease(join(path, version), wanted) : [];
      const after = await planLinks(path, releases, version);
      const lines = [
        ...(installed ? differences.map((difference) => describe(version, difference)) : [`+${describeNew(wanted)}`]),
        ...diffLink(CURRENT, releases.current, version),
        ...diffLink(PREVIOUS, releases.previous, after.previous ?? null),
        ...[...releases.unfinished, ...after.removed].map((name) => `-${name}`),
      ];
      if (lines.length === 0) return undefined;
      const isNew = releases.versions.length === 0 && releases.current === null;
      return { action: isNew ? 'create' : 'change', kind: 'release', name: path, lines } satisfies Change;
    },
    async apply() {
      const wanted = await readDescription(source, node);
      const { version } = wanted.description;
      await makeFolder(path);
      for (const name of (await readReleases(path)).unfinished) await removeDurably(join(path, name));
      await installRelease(source, wanted, path);
      const releases = await readReleases(path);
      const after = await planLinks(path, releases, version);
      if (after.previous === undefined) await removeDurably(join(path, PREVIOUS));
      else if (after.previous !== releases.previous) await switchLink(path, PREVIOUS, after.previous);
      if (releases.current !== version) await switchLink(path, CURRENT, version);
      for (const old of after.removed) await removeRelease(path, old);
    },
  };
}

/** No release any more. What else stands in `path` is left alone. Its apply throws `locked` while one is at work. */
export function releaseRemoval(path: string): Resource {
  const ours = async () => {
    const releases = await readReleases(path);
    const links = [CURRENT, PREVIOUS].filter((name) => releases[name as 'current' | 'previous'] !== null);
    return { links, versions: releases.versions, unfinished: releases.unfinished };
  };
  return {
    kind: 'release',
    name: path,
    async inspect() {
      const { links, versions, unfinished } = await ours();
      const lines = [...links, ...versions, ...unfinished].map((name) => `-${name}`);
      if (await isEmpty(path)) lines.push(`-${path}: it is empty`); // a removal was killed just before its last step
      return lines.length === 0 ? undefined : { action: 'remove', kind: 'release', name: path, lines };
    },
    async apply() {
      const { links, versions, unfinished } = await ours();
      for (const version of versions) await assertIdle(join(path, version));
      for (const name of [...links, ...unfinished]) await removeDurably(join(path, name));
      for (const version of versions) await removeRelease(path, version);
      await rmdir(path).catch((error: unknown) => {
        if (!['ENOTEMPTY', 'EEXIST', 'ENOENT', 'EBUSY'].includes(errnoOf(error) ?? ''))
          throw explained('remove', path, error);
      });
    },
  };
}

/**
 * Switches back to the release before the current one, which then is the one to roll back to. Throws `not-found` when
 * there is none, `verification-failed` when it is damaged.
 */
export async function rollbackRelease(
  path: string,
): Promise<{ readonly from: string | null; readonly to: ReleaseVersion }> {
  const releases = await readReleases(path);
  const to = previousOf(releases);
  if (to === undefined) {
    throw noOtherRelease(path);
  }
  const wanted = await readDescription(join(path, to), undefined);
  const differences = (await compareRelease(join(path, to), wanted)).filter(({ path }) => path !== 'node');
  if (wanted.description.version !== to || differences.length > 0) {
    throw new CoffreError('verification-failed', `cannot roll back the agent in ${path}: ${to} is damaged`, {
      hint: 'provision from the checkout that it was built from, at control: npx zx tasks/provision.ts',
      findings: differences.map((difference) => describe(to, difference)),
    });
  }
  await switchLink(path, CURRENT, to);
  if (releases.versions.some((version) => version === releases.current)) {
    await switchLink(path, PREVIOUS, releases.current ?? '');
  }
  return { from: releases.current, to };
}

export function noOtherRelease(path: string): CoffreError {
  const why = 'no release before the current one is kept';
  return new CoffreError('not-found', `cannot roll back the agent in ${path}: ${why}`, {
    hint: 'provision from an older checkout, at control: git checkout COMMIT && npx zx tasks/provision.ts',
  });
}

/** Which release is the previous one once `version` is the current one, and which ones go. */
async function planLinks(path: string, releases: Releases, version: ReleaseVersion) {
  const isSwitch = releases.current !== version;
  const previous =
    (isSwitch ? releases.versions.find((one) => one === releases.current) : undefined) ?? previousOf(releases);
  const kept = previous === version ? undefined : previous;
  const old = releases.versions.filter((one) => one !== version && one !== kept);
  const idle = await Promise.all(old.map(async (one) => (await processesIn(join(path, one))).length === 0));
  return { previous: kept, removed: old.filter((_, index) => idle[index]) };
}

async function isEmpty(path: string): Promise<boolean> {
  const names = await readdir(path).catch(() => undefined);
  return names?.length === 0;
}

async function assertIdle(folder: string): Promise<void> {
  const [pid] = (await processesIn(folder)).filter((pid) => pid !== process.pid);
  if (pid === undefined) return;
  throw new CoffreError('locked', `cannot remove ${folder}: process ${pid} runs from it`, {
    hint: `wait for it, or look at: ps -fp ${pid}`,
  });
}

function describeNew({ description: { version, files } }: Wanted): string {
  const mebibytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) / 1024 / 1024;
  return `${version} (${files.length} files, ${mebibytes.toFixed(1)} MiB)`;
}

function describe(version: string, { path, kind }: Difference): string {
  const name = path === '' ? version : `${version}/${path}`;
  switch (kind) {
    case 'missing':
      return `+${name}: it is missing`;
    case 'differs':
      return ` ${name}: it is not as it was released`;
    case 'foreign':
      return `-${name}: it does not belong to the release`;
  }
}

function diffLink(name: string, actual: string | null, wanted: string | null): string[] {
  if (actual === wanted) return [];
  return [...(actual === null ? [] : [`-${name} -> ${actual}`]), ...(wanted === null ? [] : [`+${name} -> ${wanted}`])];
}

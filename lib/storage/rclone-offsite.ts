import { CoffreError } from '../model/error.ts';
import type { RcloneOffsiteConfig } from '../model/rclone-offsite-config.ts';
import { RunId } from '../model/run-id.ts';
import { sha256Of } from '../system/files.ts';
import { Rclone } from '../system/rclone.ts';
import { mismatch } from './arrival.ts';
import type { ContentFacts, Offsite, RunUpload } from './offsite.ts';
import { putByRclone } from './rclone-files.ts';
import { RclonePlace } from './rclone-place.ts';
import { rcloneReader } from './rclone-reader.ts';
import { judgeRemote } from './rclone-remote.ts';
import { assertFileName, MANIFEST_FILE } from './run-names.ts';
import { alreadyThere } from './sftp-place.ts';

interface Access {
  /** Of the configuration file. */
  readonly passphrase?: string;
  readonly signal?: AbortSignal;
}

/** The folders of runs, and nothing else that may be there. */
const RUN_FILES = '/????-??-??T??????Z/*';

/**
 * An offsite that the program rclone reaches. Object stores rename nothing, so that a run has its own folder from the beginning, and its
 * manifest comes last: a folder without it is none to any reader. What an upload that was cut has left is compared file by
 * file, and sent again where it differs. Throws what `Rclone.open` and `judgeRemote` throw.
 */
export async function openRcloneOffsite(
  config: RcloneOffsiteConfig,
  { passphrase, signal }: Access = {},
): Promise<Offsite> {
  const rclone = await Rclone.open({
    ...{ config: config.config, silenceMs: config.silenceSeconds * 1000 },
    ...{ passphrase, signal },
  });
  const weaknesses = judgeRemote(config, rclone.config);
  return rcloneOffsite(new RclonePlace(rclone, config), weaknesses);
}

function rcloneOffsite(place: RclonePlace, weaknesses: readonly string[]): Offsite {
  const { where, appendOnly } = place;

  /** Each run of which there is any file, and whether it is complete; undefined where there is no folder of runs. */
  const runs = async (): Promise<ReadonlyMap<RunId, boolean> | undefined> => {
    const entries = await place.list('', ['--recursive', '--max-depth', '2', '--files-only', '--include', RUN_FILES]);
    if (entries === undefined) return undefined;
    const found = new Map<RunId, boolean>();
    for (const { Path } of entries) {
      const [folder, file] = Path.split('/');
      const run = RunId.safeParse(folder).data;
      if (run !== undefined) found.set(run, found.get(run) === true || file === MANIFEST_FILE);
    }
    return found;
  };
  const those = (found: ReadonlyMap<RunId, boolean>, complete: boolean) =>
    [...found].flatMap(([run, isComplete]) => (isComplete === complete ? [run] : [])).sort();
  const isComplete = (entries: Awaited<ReturnType<RclonePlace['list']>>) =>
    entries?.some(({ Path, IsDir }) => Path === MANIFEST_FILE && !IsDir) ?? false;

  return {
    where,
    weaknesses: () => weaknesses,
    close: () => place.rclone.close(),
    async listRuns() {
      const found = await runs();
      if (found) return those(found, true);
      throw new CoffreError('not-found', `cannot list ${where}: there is no such folder`, {
        hint: 'the first backup makes it; else look at remote of this offsite in inventory/hosts',
      });
    },
    listPartials: async () => those((await runs()) ?? new Map(), false),
    async beginRun(run): Promise<RunUpload> {
      const there = await place.list(run);
      if (isComplete(there)) throw alreadyThere(where, run);
      const left = new Map((there ?? []).map(({ Path, Size }) => [Path, Size]));
      return uploadOf(place, run, left);
    },
    async openRun(run) {
      const entries = await place.list(run);
      return entries && isComplete(entries) ? rcloneReader(place, run, entries) : undefined;
    },
    async addFile(run, name, content) {
      assertFileName(name);
      if ((await place.list(run))?.some(({ Path }) => Path === name)) return;
      const facts = async () => ({ sizeBytes: content.length, sha256: sha256Of(content) });
      await putByRclone(place, `${run}/${name}`, content, facts, undefined);
    },
    async removeRun(run) {
      if (appendOnly) {
        throw new CoffreError('refused', `cannot remove the run ${run} from ${where}: nothing is removed there`, {
          hint: 'its owner can; see which: npx zx tasks/prune.ts --dry-run',
        });
      }
      // What makes it a run goes first: one that is half removed must not look like one.
      if (isComplete(await place.list(run))) await place.removeFile(`${run}/${MANIFEST_FILE}`);
      await place.removeFolder(run);
    },
    async removePartial(run) {
      if (appendOnly || isComplete(await place.list(run))) return;
      await place.removeFolder(run);
    },
  };
}

/** The upload of one run, of which `left` was there already, with its sizes. */
function uploadOf(place: RclonePlace, run: RunId, left: ReadonlyMap<string, number>): RunUpload {
  const { where, appendOnly, manner } = place;
  const put = new Set<string>();
  let last: { readonly content: Buffer; readonly facts: () => Promise<ContentFacts> } | undefined;
  return {
    async put(name, content, facts) {
      assertFileName(name);
      put.add(name);
      if (name !== MANIFEST_FILE) return await putByRclone(place, `${run}/${name}`, content, facts, left.get(name));
      if (!Buffer.isBuffer(content)) throw new Error('the manifest of a run is a small file');
      if (sha256Of(content) !== (await facts()).sha256) throw mismatch(where, name);
      last = { content, facts }; // until all others are there; `commit` compares it
      if (manner === 'size') return 'size only';
      return manner !== 'read-back' && (await place.digestTold()) ? 're-hashed remotely' : 'read back';
    },
    async commit() {
      if (last === undefined) throw new Error('a run is not complete without its manifest');
      const there = (await place.list(run)) ?? [];
      if (there.some(({ Path }) => Path === MANIFEST_FILE)) throw alreadyThere(where, run);
      const strays = there.filter(({ Path }) => !put.has(Path) && !appendOnly);
      for (const { Path, IsDir } of strays) {
        if (IsDir) await place.removeFolder(`${run}/${Path}`);
        else await place.removeFile(`${run}/${Path}`);
      }
      await putByRclone(place, `${run}/${MANIFEST_FILE}`, last.content, last.facts, undefined);
    },
    async discard() {
      if (!appendOnly) await place.removeFolder(run);
    },
  };
}

import { basename, join, resolve } from 'node:path';
import { CoffreError } from '../model/error.ts';
import type { HostConfig } from '../model/inventory.ts';
import { RunId } from '../model/run-id.ts';
import { folderReader, openRunFolders } from '../storage/run-folders.ts';
import { type RunReader, readSmall } from '../storage/run-reader.ts';
import { assertStoreReadable } from '../storage/store-guard.ts';
import { exists, writeDurably } from '../system/files.ts';
import { openOffsite } from './open-offsite.ts';
import { peekManifest } from './peek-manifest.ts';
import { DAY_ARCHIVE_FILE, MANIFEST_FILE, RECOVERY_FILE, SIGNATURE_FILE, SUMS_FILE } from './run-files.ts';

/** A place with runs of one host: `store`, `export`, `offsite:<name>`, or a folder. Whoever opens it MUST close it. */
export interface CopyPlace {
  readonly name: string;
  listRuns(): Promise<readonly RunId[]>;
  openRun(run: RunId): Promise<RunReader | undefined>;
  /** Adds a small file to a finished run; what is there stays. Absent where that cannot be done. */
  addFile?(run: RunId, name: string, content: Buffer): Promise<void>;
  close(): void;
}

/**
 * Opens the place that `--from` names. Throws `usage` for a name that is none, and `refused` for a store that is not mounted:
 * it must not be taken for one without runs.
 */
export async function openPlace(host: HostConfig, from: string, signal?: AbortSignal): Promise<CopyPlace> {
  if (from === 'store') {
    await assertStoreReadable(host.store);
    return { name: from, ...openRunFolders(host.store.path), close: () => undefined };
  }
  if (from === 'export') return { name: from, ...openRunFolders(host.export.path), close: () => undefined };
  if (from.includes('/') && !from.startsWith('offsite:')) return await openFolder(from);
  const config = host.offsite.find(({ name }) => from === `offsite:${name}`);
  if (!config) {
    const places = ['store', 'export', ...host.offsite.map(({ name }) => `offsite:${name}`)];
    throw new CoffreError('usage', `cannot read from ${JSON.stringify(from)}`, {
      hint: `one of: ${places.join(', ')}, or the path of a folder (with a slash)`,
    });
  }
  return Object.assign(await openOffsite(host, config, signal), { name: from });
}

/** The run that is asked for, or the newest there is. Throws `not-found`. */
export async function openRunAt(place: CopyPlace, run: RunId | undefined): Promise<{ run: RunId; reader: RunReader }> {
  const wanted = run ?? (await place.listRuns()).at(-1);
  const reader = wanted && (await place.openRun(wanted));
  if (reader) return { run: wanted, reader };
  throw new CoffreError('not-found', `cannot find ${run ? `the run ${run}` : 'any run'} in ${place.name}`, {
    hint: `see what is there: npx zx tasks/list.ts --from ${place.name}`,
  });
}

/** Names that stand in the folder of a run in either form, and nowhere else. */
const RUN_FILES = [SUMS_FILE, SIGNATURE_FILE, RECOVERY_FILE, DAY_ARCHIVE_FILE];

/**
 * A folder that somebody copied: one with runs in it, or that of one run itself. Throws `verification-failed` for a run
 * without its manifest, `not-found` for a folder with nothing of the kind.
 */
async function openFolder(path: string): Promise<CopyPlace> {
  const close = () => undefined;
  const folders = openRunFolders(path);
  const reader = folderReader(path);
  const bytes = (await exists(join(path, MANIFEST_FILE))) ? await readSmall(reader, MANIFEST_FILE) : undefined;
  if (bytes) {
    const { run } = await peekManifest(reader, bytes); // believed only once its signature is checked, for this run
    const name = basename(resolve(path));
    if (RunId.safeParse(name).success && name !== run) {
      throw new CoffreError('verification-failed', `cannot trust ${path}: it speaks of the run ${run}`, {
        hint: 'if it was renamed, give it its own name again; if not, take another copy of the run: npx zx tasks/list.ts',
      });
    }
    return {
      name: path,
      listRuns: async () => [run],
      openRun: async (wanted) => (wanted === run ? reader : undefined),
      addFile: (_run, file, content) => writeDurably(join(path, file), content, 0o600),
      close,
    };
  }
  if ((await folders.listRuns()).length > 0) return { name: path, ...folders, close };
  const names = await reader.list();
  if (names.some((name) => RUN_FILES.includes(name))) {
    throw new CoffreError('verification-failed', `cannot trust ${path}: it has no ${MANIFEST_FILE}`, {
      hint: 'take another copy of the run: npx zx tasks/list.ts',
    });
  }
  const found = names.length > 0 ? `; in it: ${names.slice(0, 5).join(', ')}` : '';
  throw new CoffreError('not-found', `cannot find any run in ${path}`, {
    hint: `give the folder of one host's runs, or that of one run${found}`,
  });
}

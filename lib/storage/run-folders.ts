import { mkdir, readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { asCoffreError, CoffreError, errnoOf } from '../model/error.ts';
import type { RunId } from '../model/run-id.ts';
import type { Bytes, SealedStream } from '../model/stages.ts';
import { explained } from '../system/explained.ts';
import {
  exists,
  PARTIAL,
  readStream,
  removeDurably,
  renameDurably,
  syncFolder,
  writeDurably,
} from '../system/files.ts';
import type { Watermark } from '../system/watermark.ts';
import { assertFileName, isFileName, partialName, runsAmong } from './run-names.ts';
import type { RunReader } from './run-reader.ts';

/** Only the user of the host's agent reads the store: it is ciphertext, and still nobody else's. */
const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;

/** The folder of one run while it is being written. Ends with `commit` or `discard`. */
export interface RunFolder {
  /**
   * Writes a sealed file so that it survives a power cut. No secret in the clear has a way into here. `mark` tells those
   * that follow how far it is: it ends when the file is durable.
   */
  write(name: string, content: SealedStream, mark?: Watermark): Promise<void>;
  /** What `write` has written of a file so far, for a reader that its `mark` tells how much that is. */
  readGrowing(name: string, start: number, bytes: number): Bytes;
  /** Writes a small file that is public anyway: a wrapped key, the manifest, SHA256SUMS. */
  writeSmall(name: string, content: Buffer | string): Promise<void>;
  /** What has been written so far, to be read while the run is not finished. */
  readonly reader: RunReader;
  /** Makes the run appear under its name, in one step. */
  commit(): Promise<void>;
  discard(): Promise<void>;
}

/** A local folder with one folder for each run: the store, the export, or a plain copy. It must exist already. */
export interface RunFolders {
  readonly path: string;
  listRuns(): Promise<readonly RunId[]>;
  /** What killed runs have left behind. */
  listPartials(): Promise<readonly RunId[]>;
  /** Throws `refused` when the run is there. Clears away what an earlier try of the same run left. */
  beginRun(run: RunId): Promise<RunFolder>;
  openRun(run: RunId): Promise<RunReader | undefined>;
  /** Adds a small file to a finished run. What is there under that name stays as it is. */
  addFile(run: RunId, name: string, content: Buffer): Promise<void>;
  removeRun(run: RunId): Promise<void>;
  removePartial(run: RunId): Promise<void>;
}

export function openRunFolders(path: string): RunFolders {
  const names = () =>
    readdir(path).catch((error: unknown) => {
      throw explained('list', path, error);
    });
  const finalPath = (run: RunId) => join(path, run);
  const partialPath = (run: RunId) => join(path, partialName(run));
  return {
    path,
    listRuns: async () => runsAmong(await names()).complete,
    listPartials: async () => runsAmong(await names()).partial,
    async beginRun(run) {
      if (await exists(finalPath(run))) throw alreadyThere(finalPath(run));
      const folder = partialPath(run);
      await removeDurably(folder);
      await mkdir(folder, { mode: FOLDER_MODE }).catch((error: unknown) => {
        throw explained('make the folder', folder, error);
      });
      return runFolder(folder, finalPath(run));
    },
    openRun: async (run) => ((await exists(finalPath(run))) ? folderReader(finalPath(run)) : undefined),
    async addFile(run, name, content) {
      assertFileName(name);
      const path = join(finalPath(run), name);
      if (!(await exists(path))) await writeDurably(path, content, FILE_MODE);
    },
    async removeRun(run) {
      // Renamed first: a run that is half removed must not look like one.
      if (!(await exists(finalPath(run)))) return;
      await removeDurably(partialPath(run));
      await renameDurably(finalPath(run), partialPath(run));
      await removeDurably(partialPath(run));
    },
    removePartial: (run) => removeDurably(partialPath(run)),
  };
}

/** Reads the folder of one run, wherever somebody has put it. */
export function folderReader(folder: string): RunReader {
  return {
    where: folder,
    async list() {
      const names = await readdir(folder).catch((error: unknown) => {
        throw explained('list', folder, error);
      });
      return names.filter(isFileName).sort();
    },
    async sizeOf(name) {
      assertFileName(name);
      return await sizeOfFile(join(folder, name));
    },
    async *read(name, start, bytes) {
      assertFileName(name);
      await sizeOfFile(join(folder, name));
      yield* readStream(join(folder, name), start, bytes);
    },
  };
}

/** undefined when there is none. A pipe in the place of a file would keep its reader waiting for ever: never opened. */
async function sizeOfFile(path: string): Promise<number | undefined> {
  const stats = await stat(path).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw explained('look at', path, error);
  });
  if (stats === undefined || stats.isFile()) return stats?.size;
  throw new CoffreError('verification-failed', `cannot read ${path}: it is not a regular file`, {
    hint: `look at: ls -la ${path}; take another copy of the run`,
  });
}

function runFolder(partial: string, final: string): RunFolder {
  const reader = folderReader(partial);
  return {
    async write(name, content, mark) {
      assertFileName(name);
      try {
        await writeDurably(join(partial, name), content, FILE_MODE, (bytes) => mark?.rise(bytes));
      } catch (error) {
        mark?.fail(error);
        throw error;
      }
      mark?.end();
    },
    async writeSmall(name, content) {
      assertFileName(name);
      await writeDurably(join(partial, name), content, FILE_MODE);
    },
    async *readGrowing(name, start, bytes) {
      try {
        yield* reader.read(`${name}${PARTIAL}`, start, bytes);
      } catch (error) {
        if (asCoffreError(error).code !== 'not-found') throw error;
        yield* reader.read(name, start, bytes); // it is whole by now
      }
    },
    reader,
    async commit() {
      if (await exists(final)) throw alreadyThere(final); // rename would replace an empty folder
      await syncFolder(partial);
      await renameDurably(partial, final);
    },
    discard: () => removeDurably(partial),
  };
}

function alreadyThere(path: string): CoffreError {
  return new CoffreError('refused', `cannot write the run ${basename(path)}: ${path} is there already`, {
    hint: `a run is never written twice; look at: ls -la ${path}`,
  });
}

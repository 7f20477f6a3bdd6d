import type { ArchiveDigests } from '../archive/digests.ts';
import type { MadeNames } from '../archive/made-names.ts';
import { openArchive } from '../archive/open-archive.ts';
import type { Piece } from '../archive/piece.ts';
import { selectPieces, withLaneConditions } from '../archive/select-pieces.ts';
import type { Connection } from '../database/connection.ts';
import type { Archive } from '../model/archive-record.ts';
import { compressionOf } from '../model/compression.ts';
import type { DatabaseName } from '../model/names.ts';
import { type Selection, WHOLE } from '../model/selection.ts';
import type { DeferredKeys } from './deferred-keys.ts';
import type { LoadBudget } from './load-budget.ts';
import { type Loaded, loadDump } from './load-dump.ts';
import type { LoadProgress } from './load-progress.ts';
import type { OpenedFile } from './open-archives.ts';

/** An archive whose tables are there. */
export interface LoadedArchive {
  readonly archive: Archive;
  /** The database in the server. */
  readonly name: DatabaseName;
  /** What a dump of it has to have. */
  readonly digests: ArchiveDigests;
  readonly rest: Loaded;
}

export interface LoadContext {
  readonly target: Connection;
  readonly signal: AbortSignal;
  readonly budget: LoadBudget;
  readonly deferred: DeferredKeys;
  readonly lateKeysBytes: number | undefined;
  readonly progress: LoadProgress;
  readonly made: MadeNames;
  /** Whether the next archive stands behind this one in the same stream: then this one is read to its end in any case. */
  readonly readsOn: (error: unknown) => boolean;
}

/** Loads the tables of an archive of a database. Throws by the table; what is there by then stays. */
export async function loadArchive(
  { archive, content }: OpenedFile,
  name: DatabaseName,
  selection: Selection,
  { progress, readsOn, ...context }: LoadContext,
): Promise<LoadedArchive> {
  const opened = openArchive(content, archive.database ?? name, compressionOf(archive.file));
  const source = progress.watch(opened.pieces)[Symbol.asyncIterator]();
  // Without `return`, so that a client that stops early does not end it.
  const pieces: AsyncIterable<Piece> = {
    [Symbol.asyncIterator]: () => ({
      next: () => {
        context.signal.throwIfAborted();
        return source.next();
      },
    }),
  };
  const selected = selection === WHOLE ? undefined : selectPieces(pieces, archive.database ?? name, selection);
  try {
    const rest = await loadDump(selected?.pieces ?? pieces, { ...context, database: name });
    const digests = await opened.digests;
    if (!selected) return { archive, name, rest, digests };
    const sections = withLaneConditions(await selected.expected, digests.sections);
    return { archive, name, rest, digests: { ...digests, sections, counts: await selected.counts } };
  } catch (error) {
    // To be read on by nobody else meanwhile, not even by a decompressor that is torn down, and in order.
    while (readsOn(error) && !(await source.next()).done) context.signal.throwIfAborted();
    throw error;
  } finally {
    await source.return?.();
  }
}

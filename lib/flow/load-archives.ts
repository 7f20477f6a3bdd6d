import type { ArchiveDigests } from '../archive/digests.ts';
import { openArchive } from '../archive/open-archive.ts';
import type { Piece } from '../archive/piece.ts';
import { SectionLines } from '../archive/section-lines.ts';
import { describeSection } from '../archive/sections.ts';
import { selectPieces, withLaneConditions } from '../archive/select-pieces.ts';
import { execute } from '../database/client.ts';
import type { Connection } from '../database/connection.ts';
import { loadAccounts, loadSql } from '../database/load-sql.ts';
import { quoteIdentifier } from '../database/sql-text.ts';
import { inspectTarget } from '../database/target.ts';
import { compressionOf } from '../model/compression.ts';
import { asCoffreError, CoffreError, type ErrorCode } from '../model/error.ts';
import type { Emit } from '../model/event.ts';
import type { Archive, Manifest } from '../model/manifest.ts';
import type { DatabaseName } from '../model/names.ts';
import type { Selection } from '../model/selection.ts';
import type { Bytes } from '../model/stages.ts';
import type { Passphrase } from '../seal/passphrase.ts';
import type { RunReader } from '../storage/run-reader.ts';
import { quotePosix } from '../system/command.ts';
import { takeBackStatement } from './join-database.ts';
import { metered } from './metered.ts';
import { openArchives } from './open-archives.ts';
import type { RestorePlan } from './plan-restore.ts';
import { loadedAs } from './plan-selections.ts';
import { tellLostGrants } from './tell-lost-grants.ts';

export interface LoadFailure {
  readonly archive: Archive;
  readonly error: CoffreError;
}

interface Target {
  readonly target: Connection;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

/** What the server says of one database, and not of itself, the copy, or whoever waits: the next one may load. */
const OF_ONE_DATABASE: readonly ErrorCode[] = ['restore-failed', 'schema-changed', 'account-lacks-privilege'];

/**
 * Loads every archive of the plan. Returns what each says of its content, and which the server did not take: of those
 * databases nothing is left there. Throws for anything else, `verification-failed` when the day archive lacks one.
 */
export async function loadArchives(
  plan: RestorePlan,
  manifest: Manifest,
  reader: RunReader,
  passphrase: Passphrase,
  order: Target,
): Promise<{ readonly sealed: ReadonlyMap<Archive, ArchiveDigests>; readonly failures: readonly LoadFailure[] }> {
  const sealed = new Map<Archive, ArchiveDigests>();
  const failures: LoadFailure[] = [];
  for await (const { archive, content } of openArchives(plan, manifest, reader, passphrase)) {
    try {
      const selection = plan.selections.get(archive);
      const load = selection ? loadSelection(archive, selection, content, order) : loadArchive(archive, content, order);
      sealed.set(archive, await load);
    } catch (thrown) {
      const error = asCoffreError(thrown);
      const database = loadedAs(archive, plan.selections);
      if (database !== null) {
        const tables = plan.joined.includes(database) ? (plan.selections.get(archive)?.tables ?? null) : null;
        await takeBack(database, takeBackStatement(database, tables), error, order);
      }
      if (!OF_ONE_DATABASE.includes(error.code)) throw thrown;
      failures.push({ archive, error });
    }
  }
  const missing = plan.archives.filter(
    (each) => !sealed.has(each) && !failures.some(({ archive }) => archive === each),
  );
  if (missing.length === 0) return { sealed, failures };
  throw new CoffreError(
    'verification-failed',
    `cannot restore ${missing.map(({ file }) => file).join(', ')}: not in the day archive`,
    {
      hint: 'take another copy of the run',
    },
  );
}

async function loadArchive(
  { database, file, plainBytes }: Archive,
  content: Bytes,
  { target, emit, signal }: Target,
): Promise<ArchiveDigests> {
  const subject = database ?? 'accounts';
  const from = performance.now();
  const opened = openArchive(content, subject, compressionOf(file));
  const sql = opened.sql[Symbol.asyncIterator]();
  // Without `return`, so that a client that stops early does not end it.
  const kept: Bytes = { [Symbol.asyncIterator]: () => ({ next: () => sql.next() }) };
  const watched = metered(kept, { emit, signal, phase: 'load', subject, totalBytes: plainBytes });
  try {
    if (database === null) {
      const lost = await loadAccounts(target, watched);
      if (lost.length > 0) tellLostGrants(lost, (await inspectTarget(target)).databases, emit);
    } else {
      await loadSql(target, watched, subject, (line) => {
        const section = opened.sectionAt(line);
        return section && describeSection(section, quoteIdentifier);
      });
    }
  } catch (error) {
    // In the day archive the next one stands behind the rest of this one: to be read on by nobody else meanwhile, not even
    // by a decompressor that is torn down, and in order.
    while (OF_ONE_DATABASE.includes(asCoffreError(error).code) && !(await sql.next()).done) signal.throwIfAborted();
    throw error;
  } finally {
    await sql.return?.();
  }
  emit({ kind: 'phase-ended', phase: 'load', subject, durationMs: Math.round(performance.now() - from) });
  return await opened.digests;
}

/** Loads a part, or with changes. Returns what a dump of what is there then has to have. */
async function loadSelection(
  archive: Archive,
  selection: Selection,
  content: Bytes,
  { target, emit, signal }: Target,
): Promise<ArchiveDigests> {
  const subject = archive.database ?? 'accounts';
  const database = selection.as ?? archive.database;
  if (archive.database === null || database === null) throw new Error('a selection of accounts');
  const from = performance.now();
  const opened = openArchive(content, subject, compressionOf(archive.file));
  const pieces = opened.pieces[Symbol.asyncIterator]();
  // Without `return`, as above.
  const kept: AsyncIterable<Piece> = { [Symbol.asyncIterator]: () => ({ next: () => pieces.next() }) };
  const selected = selectPieces(kept, archive.database, selection);
  const lines = new SectionLines();
  async function* sql(): Bytes {
    for await (const piece of selected.pieces) {
      lines.add(piece);
      yield piece.bytes;
    }
  }
  const totalBytes = archive.plainBytes;
  try {
    await loadSql(target, metered(sql(), { emit, signal, phase: 'load', subject, totalBytes }), subject, (line) => {
      const section = lines.sectionAt(line);
      return section && describeSection(section, quoteIdentifier);
    });
  } catch (error) {
    while (OF_ONE_DATABASE.includes(asCoffreError(error).code) && !(await pieces.next()).done) signal.throwIfAborted();
    throw error;
  } finally {
    await pieces.return?.();
  }
  emit({ kind: 'phase-ended', phase: 'load', subject, durationMs: Math.round(performance.now() - from) });
  const { sections, ...rest } = await opened.digests;
  const counts = await selected.counts;
  return { ...rest, counts, sections: withLaneConditions(await selected.expected, sections) };
}

/** Drops a database whose load was cut short: nobody may take it for the whole one. */
async function takeBack(
  database: DatabaseName,
  statement: string,
  { code, message, hint }: CoffreError,
  { target, emit }: Target,
) {
  const why = code === 'interrupted' ? 'its load was cut short' : message;
  const warn = (text: string, hint: string) => emit({ kind: 'warning', subject: database, text, hint });
  await execute(target, statement).then(
    () =>
      warn(
        `${why}, and what was there of it is dropped again`,
        hint ?? `restore it alone: --database ${quotePosix(database)}`,
      ),
    () => warn(`${why}, and what is there of it could not be dropped`, `run: ${statement};`),
  );
}

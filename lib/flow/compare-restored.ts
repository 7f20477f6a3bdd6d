import { availableParallelism } from 'node:os';
import type { ArchiveDigests } from '../archive/digests.ts';
import type { Piece } from '../archive/piece.ts';
import { selectPieces } from '../archive/select-pieces.ts';
import type { Connection } from '../database/connection.ts';
import { readDumpProgram } from '../database/dump-program.ts';
import { readServerVersion } from '../database/inspect-server.ts';
import { readRunningEvents } from '../database/running-events.ts';
import type { Archive } from '../model/archive-record.ts';
import type { Emit } from '../model/event.ts';
import type { Manifest } from '../model/manifest.ts';
import type { DatabaseName } from '../model/names.ts';
import type { ObjectCounts } from '../model/object-counts.ts';
import { WHOLE } from '../model/selection.ts';
import { accountsRestored } from './accounts-restored.ts';
import { compareSections, readContent } from './compare-content.ts';
import { compareCounts, readObjectCounts } from './compare-counts.ts';
import { explainDifferences } from './explain-differences.ts';
import { loadedAs, type Selections } from './plan-selections.ts';
import { readSelected, redumpSelected } from './read-selected.ts';
import { sideBySide } from './side-by-side.ts';

export interface Comparison {
  /**
   * Databases that have the digests which were sealed with them, or were expected of what was selected; or, where a dump program
   * or a server of another version writes them in another way, the same objects and the same rows, each compared with its own.
   */
  readonly compared: readonly string[];
  /** Databases that differ where nothing may. */
  readonly differing: readonly string[];
  /** Those of them in which something is that was not in the backup: somebody may have made it there meanwhile. */
  readonly withStrangers: readonly string[];
  /** A sentence for everything that differs there, and for what of the accounts is missing. */
  readonly differences: readonly string[];
  /**
   * A sentence for everything of which nobody can tell whether it differs: another version has written it in another way, or the
   * accounts cannot be read.
   */
  readonly undecided: readonly string[];
  /** A sentence for each account that logs in here in another way than in the backup, as it was meant to. */
  readonly keptLogins: readonly string[];
}

interface Context {
  readonly target: Connection;
  readonly emit: Emit;
  readonly selections: Selections;
  /** Accounts that were to keep how they log in, as SQL; none if absent. */
  readonly keptLogins?: readonly string[] | undefined;
  /** Reads an archive once more, for what is not in its digests. */
  readonly piecesOf: (archive: Archive) => AsyncIterable<Piece>;
  /** Databases that are dumped at a time; one for each core if absent. */
  readonly parallel?: number | undefined;
}

/** What was loaded of one archive. */
interface Loaded {
  readonly archive: Archive;
  readonly from: DatabaseName;
  readonly name: DatabaseName;
  readonly digests: ArchiveDigests;
  readonly counts: ObjectCounts | undefined;
}

/**
 * Dumps what was loaded once more and compares it with the digests that were sealed inside the archives, and the number of
 * its objects with what the server says that it has. Where something differs, both are read once more for what it is.
 *
 * Where events have been at work since the load, a difference proves nothing, and is only warned of. So is one of how a
 * statement is written, where the server or the dump program is another one than that of the backup: then each object and its
 * rows are compared by themselves, and only what is written otherwise is left undecided.
 */
export async function compareRestored(
  sealed: ReadonlyMap<Archive, ArchiveDigests>,
  manifest: Manifest,
  context: Context,
): Promise<Comparison> {
  const others = await readOthers(manifest, context.target);
  const counts = await readObjectCounts(context.target);
  const compared: string[] = [];
  const differing: string[] = [];
  const withStrangers: string[] = [];
  const differences: string[] = [];
  const undecided: string[] = [];
  const keptLogins: string[] = [];
  const { selections, piecesOf, parallel = availableParallelism() } = context;
  const dumped = await sideBySide(sealed, parallel, async ([archive, digests]) => {
    const name = loadedAs(archive, selections);
    if (archive.database === null || name === null) return undefined;
    const loaded: Loaded = { archive, from: archive.database, name, digests, counts: counts.get(name) };
    return { loaded, ...(await compare(loaded, others, context)) };
  });
  for (const each of dumped) {
    if (!each) continue;
    const { name } = each.loaded;
    undecided.push(...each.undecided.map((sentence) => `${name}: ${sentence}`));
    if (each.sentences.length === 0) {
      if (each.isSame) compared.push(name);
    } else if (await isAtWork(each.loaded, context)) tellAtWork(name, each.sentences, context);
    else {
      differing.push(name);
      if (each.hasStrangers) withStrangers.push(name);
      differences.push(...each.sentences.map((sentence) => `${name}: ${sentence}`));
    }
  }
  for (const archive of sealed.keys()) {
    if (archive.database !== null) continue;
    const accounts = await accountsRestored(piecesOf(archive), others.program ?? others.server, context);
    differences.push(...accounts.differences);
    undecided.push(...accounts.undecided.map((sentence) => `accounts: ${sentence}`));
    keptLogins.push(...accounts.keptLogins);
  }
  return { compared, differing, withStrangers, differences, undecided, keptLogins };
}

/** Programs that are not those of the backup, each as the start of a sentence. */
interface Others {
  readonly program: string | null;
  readonly server: string | null;
}

async function readOthers({ software, server }: Manifest, target: Connection): Promise<Others> {
  const program = await readDumpProgram();
  const version = await readServerVersion(target);
  const release = (text: string) => text.split('.').slice(0, 2).join('.');
  const isOther = server !== null && release(server.version) !== release(version);
  return {
    program:
      program.version === software.dump
        ? null
        : `${program.version} writes other SQL than the ${software.dump} of the backup`,
    server: isOther ? `the server ${version} may write other SQL than the ${server.version} of the backup` : null,
  };
}

interface Compared {
  readonly sentences: readonly string[];
  readonly undecided: readonly string[];
  readonly isSame: boolean;
  readonly hasStrangers: boolean;
}

async function compare(loaded: Loaded, { program, server }: Others, context: Context): Promise<Compared> {
  const { archive, name, digests } = loaded;
  const { target, selections, emit } = context;
  const selection = selections.get(archive);
  const counted = selection?.tables ? [] : compareCounts(digests.counts, loaded.counts);
  const expected = new Map([[name, digests.sections]]);
  const redump = async () =>
    selection
      ? new Map([[name, await readSelected(target, name, digests.sections, selection)]])
      : await readContent(target, [name], expected);
  const found = program === null ? compareSections(digests.sections, (await redump()).get(name) ?? []) : [];
  if (program === null && found.length === 0) {
    return { sentences: counted, undecided: [], isSame: true, hasStrangers: false };
  }
  const { differences, otherwiseWritten, hasStrangers, tables, rows } = await explain(loaded, context);
  if (program === null && server === null) {
    const all = [...differences, ...otherwiseWritten];
    return { sentences: all.length > 0 ? all : [...counted, ...found], undecided: [], isSame: false, hasStrangers };
  }
  const sentences = differences.length > 0 ? differences : counted;
  const what = `${tables} tables with ${rows} rows, and all other objects`;
  const how = `compared object by object (${what}), as ${program ?? server}`;
  if (otherwiseWritten.length === 0) {
    emit({
      kind: 'note',
      subject: name,
      text: `${how}: ${sentences.length === 0 ? 'all of it is the same' : 'it differs'}`,
    });
    return { sentences, undecided: [], isSame: true, hasStrangers };
  }
  const text = `${how}: written in another way, so that nobody can tell whether it is the same: ${otherwiseWritten.join('; ')}`;
  const hint =
    'look at what is named by hand; to be sure, compare with the same version of mariadb-client and of the server as the backup has';
  emit({ kind: 'warning', subject: name, text, hint });
  return { sentences, undecided: otherwiseWritten, isSame: false, hasStrangers };
}

/** Reads what was meant to be loaded, and what is there. */
async function explain({ archive, from, name, digests }: Loaded, { target, selections, piecesOf }: Context) {
  const selection = selections.get(archive) ?? WHOLE;
  const expected = selectPieces(piecesOf(archive), from, selection);
  const found = await redumpSelected(target, name, digests.sections, selection);
  return await explainDifferences(expected.pieces, found.pieces);
}

/** An event that was to happen once is gone by now; one of another database may write into this one. */
async function isAtWork({ archive, name }: Loaded, { target, selections }: Context): Promise<boolean> {
  const running = await readRunningEvents(target);
  if (!running) return false;
  const own = archive.events > 0 && selections.get(archive)?.events !== 'disabled' && !selections.get(archive)?.tables;
  return own || running.some((each) => each.database === name || each.body.includes(name));
}

function tellAtWork(name: DatabaseName, found: readonly string[], { emit }: Context): void {
  emit({
    kind: 'warning',
    subject: name,
    text: `cannot be compared: the server's events are running, and may have changed what differs: ${found.join('; ')}`,
    hint: 'to be sure, restore it once more with the scheduler off: SET GLOBAL event_scheduler = OFF;',
  });
}

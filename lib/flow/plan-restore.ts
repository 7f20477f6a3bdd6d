import { putBackAlone } from '../database/put-back.ts';
import type { ServerAccounts } from '../database/server-accounts.ts';
import { quoteIdentifier } from '../database/sql-text.ts';
import type { TargetFacts } from '../database/target.ts';
import type { TargetTraits } from '../database/target-traits.ts';
import type { Archive } from '../model/archive-record.ts';
import { CoffreError } from '../model/error.ts';
import type { Manifest } from '../model/manifest.ts';
import type { SelectionWish } from '../model/selection.ts';
import { quotePosix } from '../system/command.ts';
import { planReplacements, type Replacements, type ReplacementWish } from './plan-replacements.ts';
import { loadedAs, planSelections, type Selections } from './plan-selections.ts';
import { type EstimateWish, estimateRestore, type RestoreEstimate } from './restore-estimate.ts';
import { aboutKeptLogins, aboutUnused, type RestoreRemark, remarksOn } from './restore-remarks.ts';
import { DAY_ARCHIVE_FILE, type RunForm } from './run-files.ts';

/** What a restore is going to do. A value: `--dry-run` prints it, and the restore carries out this very one. */
export interface RestorePlan extends Replacements {
  readonly where: string;
  /** The server that it goes into, for a sentence. */
  readonly into: string;
  readonly run: Manifest['run'];
  /** Whether the copy has the archives one by one or the day archive. */
  readonly form: RunForm;
  /** In the order in which they are loaded; the accounts last. */
  readonly archives: readonly Archive[];
  /** What is loaded of archives that are not loaded as they are. */
  readonly selections: Selections;
  /** Databases that are there, and get tables beside those that they have. */
  readonly joined: readonly string[];
  /** Whether the server has to be told to take functions and triggers, for as long as they are loaded. */
  readonly trustsCreators: boolean;
  /** Whether a restore that was cut short has left the server so: it is set back first. */
  readonly leftTrusting: boolean;
  /** Whether the sessions that load ask the binary log for rows: it could not take the numbers of sequences otherwise. */
  readonly mixesLog: boolean;
  /** Accounts that keep the password, or whatever they log in by, that they have on the server; as SQL. */
  readonly keptLogins: readonly string[];
  /** Ciphertext that is read, twice: to verify it, then to load it. */
  readonly readBytes: number;
  readonly plainBytes: number;
  readonly estimate: RestoreEstimate;
  readonly remarks: readonly RestoreRemark[];
}

export interface RestoreWish extends Omit<ReplacementWish, keyof TargetTraits>, Omit<EstimateWish, 'oldBytes'> {
  readonly where: string;
  readonly into: string;
  readonly files: readonly string[];
  /** Only these; all of them, and the accounts, if absent. */
  readonly databases: readonly string[] | undefined;
  readonly accounts: boolean;
  readonly selection?: SelectionWish | undefined;
  readonly maxAllowedPacketBytes: number;
  readonly leftTrusting: boolean;
  readonly sequences: TargetFacts['sequences'];
  readonly traits: TargetTraits;
  readonly accountsThere: ServerAccounts;
}

/**
 * Plans. Pure. Throws `refused` when the server would not take the largest row, or a function or trigger; `not-found` for
 * a database that the run does not have; `verification-failed` when the copy lacks files.
 */
export function planRestore(manifest: Manifest, wish: RestoreWish): RestorePlan {
  if (manifest.outcome !== 'succeeded') {
    throw new CoffreError('not-found', `cannot restore ${manifest.run}: the run has ${manifest.outcome}`, {
      hint: 'take another run: npx zx tasks/list.ts',
    });
  }
  const archives = chooseArchives(manifest, wish);
  const selections = planSelections(wish.selection, archives);
  const fold = (name: string) => (wish.traits.foldsNames ? name.toLowerCase() : name);
  const present = new Set([...wish.present].map(fold));
  const isJoined = (archive: Archive) =>
    (selections.get(archive)?.tables ?? null) !== null && present.has(fold(loadedAs(archive, selections) ?? ''));
  const joined = archives.filter(isJoined).flatMap((archive) => loadedAs(archive, selections) ?? []);
  refuseToDropForTables(joined, [...wish.overwrite, ...wish.dropFirst]);
  const parts = archives.filter((archive) => (selections.get(archive)?.tables ?? null) !== null);
  refuseTablesOfCutShort(parts.flatMap((archive) => loadedAs(archive, selections) ?? []).map(fold), wish.traits);
  refuseLargeRows(archives, wish.maxAllowedPacketBytes);
  const coded = archives.filter(({ routines, triggers }) => routines + triggers > 0);
  if (wish.storedCode === 'refused') refuseStoredCode(coded);
  const counting = archives.filter(({ sequences }) => sequences > 0);
  if (wish.sequences === 'refused') refuseSequences(counting);
  const form = formOf(manifest, archives, wish);
  const replacements = planReplacements(
    archives.filter((archive) => !isJoined(archive)).flatMap((archive) => loadedAs(archive, selections) ?? []),
    { ...wish, ...wish.traits },
  );
  refuseToEmpty(archives, selections, replacements);
  const readBytes = form === 'offsite' ? (manifest.dayArchive?.sealedBytes ?? 0) : sum(archives, 'sealedBytes');
  const replaced = new Set(replacements.aside.map(({ database }) => database));
  const old = wish.movable.filter(({ database }) => replaced.has(database));
  // What was moved aside may have to come back.
  const returning = replacements.interrupted.length > 0 || old.some(({ hasCode }) => hasCode);
  const oldBytes = old.reduce((total, { dataBytes }) => total + dataBytes, 0);
  const estimate = estimateRestore(archives, readBytes, { ...wish, oldBytes });
  const { own, installed } = wish.accountsThere;
  const takesAccounts = archives.some(({ database }) => database === null);
  return {
    where: wish.where,
    into: wish.into,
    run: manifest.run,
    form,
    archives,
    selections,
    joined,
    ...replacements,
    trustsCreators: wish.storedCode === 'on-demand' && (coded.length > 0 || returning),
    leftTrusting: wish.leftTrusting,
    mixesLog: wish.sequences === 'on-demand' && counting.length > 0,
    keptLogins: takesAccounts ? [...new Set([own, ...installed])] : [],
    readBytes,
    plainBytes: sum(archives, 'plainBytes'),
    estimate,
    remarks: [
      ...aboutUnused(
        [...wish.overwrite, ...wish.dropFirst],
        archives.flatMap((archive) => loadedAs(archive, selections) ?? []),
        fold,
      ),
      ...remarksOn(manifest, archives, wish.traits, estimate),
      ...(takesAccounts ? aboutKeptLogins(wish.accountsThere) : []),
    ],
  };
}

function chooseArchives(manifest: Manifest, { databases, accounts, selection }: RestoreWish): readonly Archive[] {
  const known = manifest.archives.flatMap(({ database }) => database ?? []).sort();
  const unknown = databases?.filter((name) => !known.some((database) => database === name)) ?? [];
  if (unknown.length > 0) {
    const dotted = selection?.tables.find(({ database, table }) => unknown.includes(database) && table.includes('.'));
    throw new CoffreError(
      'not-found',
      `cannot restore ${unknown.join(', ')}: the run ${manifest.run} has no such database`,
      {
        hint: `${dotted ? `${inBackticks(dotted, known)}; ` : ''}it has: ${known.join(', ') || 'none'}`,
      },
    );
  }
  const chosen = manifest.archives.filter(({ database }) =>
    database === null ? accounts : databases === undefined || databases.includes(database),
  );
  return [...chosen.filter(({ database }) => database !== null), ...chosen.filter(({ database }) => database === null)];
}

/** Where the database's own name has a dot, it ends at the first one unless backticks say otherwise. */
function inBackticks({ database, table }: SelectionWish['tables'][number], known: readonly string[]): string {
  const whole = `${database}.${table}`;
  const meant = known.find((name) => whole.startsWith(`${name}.`)) ?? whole.slice(0, whole.lastIndexOf('.'));
  const quoted = quotePosix(`${quoteIdentifier(meant)}.${quoteIdentifier(whole.slice(meant.length + 1))}`);
  return `a name with a dot in it stands in backticks: --table ${quoted}`;
}

/** Who names a database for that has its own tables in mind, and not all the others. */
function refuseToDropForTables(joined: readonly string[], overwrite: readonly string[]): void {
  const named = joined.filter((name) => overwrite.includes(name));
  if (named.length === 0) return;
  throw new CoffreError(
    'refused',
    `cannot overwrite ${named.join(', ')} with some of its tables: all others would be lost`,
    {
      hint: 'leave out --overwrite: tables that are gone come back into the database; or restore beside it: --as NAME',
    },
  );
}

/** Who takes a schema alone seldom means that all rows go: nobody could tell the two slips of the hand apart. */
function refuseToEmpty(archives: readonly Archive[], selections: Selections, { aside, refused }: Replacements): void {
  const empties = archives.flatMap((archive) => {
    const name = selections.get(archive)?.schemaOnly ? loadedAs(archive, selections) : null;
    const database = aside.find(({ by }) => by === name)?.database ?? refused.find((each) => each === name);
    return database === undefined ? [] : [database];
  });
  if (empties.length === 0) return;
  const words = empties.map((name) => `--drop-first ${quotePosix(name)}`).join(' ');
  throw new CoffreError(
    'refused',
    `cannot restore the schema alone over ${empties.join(', ')}: the server has it, and all its rows would be lost`,
    { hint: `restore it beside: --as NAME; or to have it without a row, which nothing undoes: ${words}` },
  );
}

/** They would come into what a restore has left there, or into the place of what it has moved. */
function refuseTablesOfCutShort(databases: readonly string[], { asides, foldsNames }: TargetTraits): void {
  const fold = (name: string) => (foldsNames ? name.toLowerCase() : name);
  const cut = asides.find(({ database, state }) => state !== 'kept' && databases.includes(fold(database)));
  if (!cut) return;
  const why = cut.atWork
    ? 'another restore is at it'
    : `an earlier restore of it was cut short: the old one is in ${cut.name}`;
  throw new CoffreError(cut.atWork ? 'locked' : 'refused', `cannot restore tables of ${cut.database}: ${why}`, {
    hint: cut.atWork
      ? 'wait for it, or look for it: SHOW FULL PROCESSLIST'
      : `put that back first: ${putBackAlone(cut.database)}; or restore them beside it: --as NAME`,
  });
}

function refuseLargeRows(archives: readonly Archive[], limitBytes: number): void {
  const largest = Math.max(0, ...archives.map(({ largestStatementBytes }) => largestStatementBytes));
  if (largest <= limitBytes) return;
  const needed = Math.min(1024 ** 3, Math.ceil(largest / 1048576 + 1) * 1048576);
  throw new CoffreError(
    'refused',
    `cannot restore: the largest statement has ${largest} bytes, and the server takes ${limitBytes}`,
    { hint: `run as an administrator, then again: SET GLOBAL max_allowed_packet = ${needed};` },
  );
}

function refuseStoredCode(archives: readonly Archive[]): void {
  if (archives.length === 0) return;
  const names = archives.map(({ database }) => database).join(', ');
  throw new CoffreError(
    'refused',
    `cannot restore ${names}: the server has its binary log on and does not trust this account with functions and triggers`,
    { hint: 'run as an administrator, then again: SET GLOBAL log_bin_trust_function_creators = 1;' },
  );
}

function refuseSequences(archives: readonly Archive[]): void {
  if (archives.length === 0) return;
  const names = archives.map(({ database }) => database).join(', ');
  throw new CoffreError(
    'refused',
    `cannot restore ${names}: the server's binary log holds statements alone, and sequences cannot be loaded so`,
    { hint: 'run as an administrator, then again: SET GLOBAL binlog_format = MIXED;' },
  );
}

function formOf(manifest: Manifest, archives: readonly Archive[], { files, where }: RestoreWish): RunForm {
  const missing = archives.filter(({ file }) => !files.includes(file)).map(({ file }) => file);
  if (missing.length === 0) return 'store';
  if (manifest.dayArchive && files.includes(DAY_ARCHIVE_FILE)) return 'offsite';
  throw new CoffreError('verification-failed', `cannot restore from ${where}: it lacks ${missing.join(', ')}`, {
    hint: 'take another copy of the run',
  });
}

function sum(archives: readonly Archive[], field: 'sealedBytes' | 'plainBytes'): number {
  return archives.reduce((total, archive) => total + archive[field], 0);
}

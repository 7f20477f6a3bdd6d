import type { Aside } from '../database/aside.ts';
import { readAsides, setAsideState } from '../database/aside-mark.ts';
import { execute, query } from '../database/client.ts';
import type { Connection } from '../database/connection.ts';
import { readDatabaseNames } from '../database/database-names.ts';
import type { OwnNames } from '../database/drop-own.ts';
import { moveAside, readUnmovable, type Unmovable } from '../database/move-aside.ts';
import { dropAside, putBack, putBackWords, type Standing, settleAside } from '../database/put-back.ts';
import { lockReplacement } from '../database/replacement-lock.ts';
import { retryTogether } from '../database/retry-together.ts';
import { quoteIdentifier } from '../database/sql-text.ts';
import { asCoffreError, CoffreError } from '../model/error.ts';
import type { Emit } from '../model/event.ts';
import type { Comparison } from './compare-restored.ts';
import { joinDatabases } from './join-database.ts';
import type { LoadFailure } from './load-plan.ts';
import type { Replacement } from './plan-replacements.ts';
import type { RestorePlan } from './plan-restore.ts';
import { loadedAs } from './plan-selections.ts';

/** What came of loading and comparing. */
export interface Outcome extends Comparison {
  readonly failures: readonly LoadFailure[];
}

interface Target {
  readonly target: Connection;
  readonly emit: Emit;
  /** By database, the names of what the work has made. */
  readonly made: ReadonlyMap<string, OwnNames>;
}

/**
 * Does the work of a restore with the databases that it replaces out of its way, and then drops those whose new ones are
 * verified, and puts the others back. Where the work throws, all of them come back. What a restore that was killed has
 * left is settled first.
 */
export async function replacing<Done extends Outcome>(
  plan: RestorePlan,
  { target, emit, made }: Target,
  work: () => Promise<Done>,
): Promise<Done> {
  const { interrupted, aside, drops } = plan;
  const databases = new Set([...interrupted, ...aside].map(({ database }) => database).concat(drops));
  if (databases.size === 0) return await whileAside(plan, { target, emit, made }, work);
  const lock = await lockReplacement(
    target,
    [...databases].sort(),
    interrupted.map(({ name }) => name),
  );
  try {
    await settleInterrupted(await stillInterrupted(plan, databases, target), { target, emit });
    for (const name of drops)
      await execute(target, `SET SESSION foreign_key_checks = 0;\nDROP DATABASE ${quoteIdentifier(name)}`);
    return await whileAside(plan, { target, emit, made }, work);
  } finally {
    await lock.release();
  }
}

/** While this one waited for another, or verified, that one has come to its end, or was cut short itself. */
async function stillInterrupted(
  { interrupted }: RestorePlan,
  databases: ReadonlySet<string>,
  target: Connection,
): Promise<readonly Aside[]> {
  const found = await readAsides((sql, row) => query(target, sql, row));
  const left = found.filter(({ database, state }) => databases.has(database) && state !== 'kept');
  const since = left.find(({ name }) => !interrupted.some((each) => each.name === name));
  if (!since) return left;
  throw new CoffreError('refused', `cannot restore ${since.database}: another restore of it was cut short meanwhile`, {
    hint: 'restore once more, which says what would become of it: --dry-run',
  });
}

async function settleInterrupted(
  interrupted: readonly Aside[],
  { target, emit }: Pick<Target, 'target' | 'emit'>,
): Promise<void> {
  const [first] = await retryTogether(interrupted, async (each) => {
    const text =
      (await settleAside(target, each)) === 'put back'
        ? 'an earlier restore was cut short: the old database is back in its place'
        : 'an earlier restore was cut short after all was verified: the old database is dropped now';
    emit({ kind: 'note', subject: each.database, text });
  });
  if (first) throw first.error;
}

async function whileAside<Done extends Outcome>(
  plan: RestorePlan,
  { target, emit, made }: Target,
  work: () => Promise<Done>,
): Promise<Done> {
  const moved: Replacement[] = [];
  let loads = false;
  let done: Done;
  // What this very restore has loaded in their place goes; what somebody else has made there does not.
  const ownOf = (by: string): Standing => made.get(by) ?? NOTHING;
  try {
    const unmovable: Unmovable[] = [];
    for (const { database } of plan.aside) unmovable.push(await readUnmovable(target, database));
    for (const [index, each] of plan.aside.entries()) {
      const { name, database } = each;
      const aside = { name, database, run: plan.run };
      moved.push(each); // it undoes itself where it fails, unless a view of it is on what has been moved before
      await moveAside(target, aside, unmovable[index]);
      emit({ kind: 'note', subject: each.database, text: `the old one is ${each.name} until the new one is verified` });
    }
    await assertNoneIsThere(plan, target);
    await joinDatabases(target, plan); // the same of tables that come into databases that are there
    loads = true;
    done = await work();
  } catch (error) {
    await bringBack(moved.reverse(), loads ? ownOf : () => 'stays', { target, emit });
    throw error;
  }
  const groups = tiedGroups(moved);
  const wrong = groups.filter((group) => group.some(({ by }) => isWrong(by, done, plan))).flat();
  for (const { database, by } of wrong) if (!isWrong(by, done, plan)) tellTied(database, emit);
  // What was not in the backup somebody has made, and nobody but him may say that it goes.
  const isKept = ({ by }: Replacement) => done.withStrangers.includes(by);
  await bringBack(wrong.filter(isKept), () => 'stays', { target, emit });
  await bringBack(
    wrong.filter((each) => !isKept(each)),
    ownOf,
    { target, emit },
  );
  for (const group of groups)
    if (!group.some((each) => wrong.includes(each))) await settle(group, done, { target, emit });
  return done;
}

/** What was not there when it was planned may be somebody's now: copies are verified for minutes or hours. */
async function assertNoneIsThere({ creates }: RestorePlan, target: Connection): Promise<void> {
  const present = new Set(await readDatabaseNames(target));
  const there = creates.filter((name) => present.has(name));
  if (there.length === 0) return;
  throw new CoffreError('refused', `cannot restore ${there.join(', ')}: it was made while the copy was verified`, {
    hint: 'look at it; then restore once more, which says what would become of it: --dry-run',
  });
}

function isWrong(by: string, { differing, failures }: Outcome, { selections }: RestorePlan): boolean {
  return differing.includes(by) || failures.some(({ archive }) => loadedAs(archive, selections) === by);
}

/**
 * Once the work is done and nothing is wrong: what is verified stays, and what nobody can tell is left to a person, with all that
 * is tied to it. That all of a group go is noted in one statement, before the first of them does.
 */
async function settle(
  group: readonly Replacement[],
  { compared }: Outcome,
  { target, emit }: Pick<Target, 'target' | 'emit'>,
): Promise<void> {
  const statement = (name: string) => `DROP DATABASE ${quoteIdentifier(name)};`;
  const names = group.map(({ name }) => name);
  const isVerified = group.every(({ by }) => compared.includes(by));
  // The restore is done and good, whatever becomes of what nobody needs any more.
  const noted = setAsideState(target, names, isVerified ? 'replaced' : 'kept');
  if (!isVerified) await noted;
  for (const { database, name } of group) {
    if (isVerified) {
      await noted
        .then(() => dropAside(target, name))
        .catch((error: unknown) => {
          const text = `the new one is verified, and the old one could not be dropped: ${asCoffreError(error).message}`;
          emit({ kind: 'warning', subject: database, text, hint: `run: ${statement(name)}` });
        });
      continue;
    }
    const text = `the new one could not be compared, so that the old one is kept as ${name}`;
    emit({
      kind: 'warning',
      subject: database,
      text,
      hint: `look at both; when nobody needs the old one: ${statement(name)}`,
    });
  }
}

/** Those that refer to each other, together. */
function tiedGroups(moved: readonly Replacement[]): readonly (readonly Replacement[])[] {
  const groups: Replacement[][] = [];
  for (const each of moved) {
    const touches = (other: Replacement) => each.tied.includes(other.database) || other.tied.includes(each.database);
    const joined = groups.filter((group) => group.some(touches));
    for (const group of joined) groups.splice(groups.indexOf(group), 1);
    groups.push([...joined.flat(), each]);
  }
  return groups;
}

function tellTied(database: string, emit: Emit): void {
  const text = 'the new one is good, and goes again: foreign keys tie the old one to a database that comes back';
  const hint = 'mend what is said of that one, then restore both once more';
  emit({ kind: 'warning', subject: database, text, hint });
}

const NOTHING: OwnNames = { has: () => false };

/** `standing`: what becomes of what stands in their place, by the name of what was to take it. */
async function bringBack(
  replaced: readonly Pick<Replacement, 'database' | 'name' | 'by'>[],
  standing: (by: string) => Standing,
  { target, emit }: Pick<Target, 'target' | 'emit'>,
): Promise<void> {
  const failed = await retryTogether(replaced, async ({ database, name, by }) => {
    const beside = await putBack(target, name, { standing: standing(by) });
    emit({ kind: 'note', subject: database, text: 'the old database is back in its place, as it was' });
    if (beside.length === 0) return;
    const text = `beside the old one there is ${beside.join(', ')}: somebody has made that meanwhile`;
    emit({
      kind: 'warning',
      subject: database,
      text,
      hint: `look at it: SHOW TABLES FROM ${quoteIdentifier(database)};`,
    });
  });
  for (const { item, error } of failed) {
    const { database, name } = item;
    const { code, message, hint } = asCoffreError(error);
    const text = `the old database is in ${name}, and could not be put back: ${message}`;
    const again = `put it back: ${putBackWords(database)}`;
    emit({ kind: 'warning', subject: database, text, hint: code === 'refused' ? (hint ?? again) : again });
  }
}

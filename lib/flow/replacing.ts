import { setAsideState } from '../database/aside-mark.ts';
import { execute } from '../database/client.ts';
import type { Connection } from '../database/connection.ts';
import { readDatabaseNames } from '../database/database-names.ts';
import { moveAside } from '../database/move-aside.ts';
import { dropAside, putBack, settleAside } from '../database/put-back.ts';
import { lockReplacement } from '../database/replacement-lock.ts';
import { quoteIdentifier } from '../database/sql-text.ts';
import { asCoffreError, CoffreError } from '../model/error.ts';
import type { Emit } from '../model/event.ts';
import { quotePosix } from '../system/command.ts';
import type { Comparison } from './compare-restored.ts';
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
}

/**
 * Does the work of a restore with the databases that it replaces out of its way, and then drops those whose new ones are
 * verified, and puts the others back. Where the work throws, all of them come back. What a restore that was killed has
 * left is settled first.
 */
export async function replacing<Done extends Outcome>(
  plan: RestorePlan,
  { target, emit }: Target,
  work: () => Promise<Done>,
): Promise<Done> {
  const { interrupted, aside, drops } = plan;
  const databases = new Set([...interrupted, ...aside].map(({ database }) => database).concat(drops));
  if (databases.size === 0) return await whileAside(plan, { target, emit }, work);
  const lock = await lockReplacement(
    target,
    [...databases].sort(),
    interrupted.map(({ name }) => name),
  );
  try {
    await settleInterrupted(plan, { target, emit });
    for (const name of drops)
      await execute(target, `SET SESSION foreign_key_checks = 0;\nDROP DATABASE ${quoteIdentifier(name)}`);
    return await whileAside(plan, { target, emit }, work);
  } finally {
    await lock.release();
  }
}

async function settleInterrupted({ interrupted }: RestorePlan, { target, emit }: Target): Promise<void> {
  for (const each of interrupted) {
    const { database } = each;
    const text =
      (await settleAside(target, each)) === 'put back'
        ? 'an earlier restore was cut short: what it had loaded is dropped, and the old database is back in its place'
        : 'an earlier restore was cut short after all was verified: the old database is dropped now';
    emit({ kind: 'note', subject: database, text });
  }
}

async function whileAside<Done extends Outcome>(
  plan: RestorePlan,
  { target, emit }: Target,
  work: () => Promise<Done>,
): Promise<Done> {
  const moved: Replacement[] = [];
  let done: Done;
  try {
    for (const each of plan.aside) {
      await moveAside(target, {
        name: each.name,
        database: each.database,
        run: plan.run,
        trusted: plan.trustsCreators,
      });
      moved.push(each);
      emit({ kind: 'note', subject: each.database, text: `the old one is ${each.name} until the new one is verified` });
    }
    await assertNoneIsThere(plan, target);
    done = await work();
  } catch (error) {
    for (const each of moved.reverse()) await bringBack(each, { target, emit });
    throw error;
  }
  for (const each of moved) await settle(each, done, plan, { target, emit });
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

/** Once the work is done: what is verified stays, what is wrong goes, and what nobody can tell is left to a person. */
async function settle(
  { database, by, name }: Replacement,
  { compared, differing, failures }: Outcome,
  { selections }: RestorePlan,
  { target, emit }: Target,
): Promise<void> {
  if (differing.includes(by) || failures.some(({ archive }) => loadedAs(archive, selections) === by))
    return await bringBack({ database, name }, { target, emit });
  const statement = `DROP DATABASE ${quoteIdentifier(name)};`;
  if (compared.includes(by)) {
    // The restore is done and good, whatever becomes of what nobody needs any more.
    await dropAside(target, name).catch((error: unknown) => {
      const text = `the new one is verified, and the old one could not be dropped: ${asCoffreError(error).message}`;
      emit({ kind: 'warning', subject: database, text, hint: `run: ${statement}` });
    });
    return;
  }
  await setAsideState(target, name, 'kept');
  const text = `the new one could not be compared, so that the old one is kept as ${name}`;
  emit({ kind: 'warning', subject: database, text, hint: `look at both; when nobody needs the old one: ${statement}` });
}

async function bringBack(
  { database, name }: Pick<Replacement, 'database' | 'name'>,
  { target, emit }: Target,
): Promise<void> {
  await putBack(target, name).then(
    () => emit({ kind: 'note', subject: database, text: 'the old database is back in its place, as it was' }),
    (error: unknown) => {
      const text = `the old database is in ${name}, and could not be put back: ${asCoffreError(error).message}`;
      const again = `--database ${quotePosix(database)} --overwrite ${quotePosix(database)}`;
      const hint = `restore it once more, which puts it back first: ${again}`;
      emit({ kind: 'warning', subject: database, text, hint });
    },
  );
}

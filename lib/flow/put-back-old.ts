import type { Aside } from '../database/aside.ts';
import { readAsides } from '../database/aside-mark.ts';
import { query } from '../database/client.ts';
import type { Connection } from '../database/connection.ts';
import { putBack } from '../database/put-back.ts';
import { lockReplacement } from '../database/replacement-lock.ts';
import { retryTogether } from '../database/retry-together.ts';
import { inspectTarget, trustCreators } from '../database/target.ts';
import { CoffreError } from '../model/error.ts';
import { quotePosix } from '../system/command.ts';

/**
 * Puts databases back that restores have moved out of the way and left there: each of `databases` the one that was moved
 * last. What stands in its place goes: without a word what a restore that was cut short had loaded, and anything else only
 * where it is among `dropFirst`. Throws `not-found`, `refused`, or by the table; those before it are back then.
 */
export async function putBackOld(
  target: Connection,
  databases: readonly string[],
  dropFirst: readonly string[],
): Promise<readonly Aside[]> {
  const asides = await readAsides((sql, row) => query(target, sql, row));
  const chosen = databases.map((database) => choose(database, asides, dropFirst));
  const { storedCode } = await inspectTarget(target);
  const lock = await lockReplacement(
    target,
    chosen.map(({ database }) => database),
    chosen.map(({ name }) => name),
  );
  try {
    if (storedCode === 'on-demand') await trustCreators(target, true);
    const [first] = await retryTogether(chosen, ({ name }) => putBack(target, name));
    if (first) throw first.error;
  } finally {
    // One that was killed may have left it on.
    if (storedCode === 'on-demand' || chosen.some(({ trusted }) => trusted)) await trustCreators(target, false);
    await lock.release();
  }
  return chosen;
}

function choose(database: string, asides: readonly Aside[], dropFirst: readonly string[]): Aside {
  const last = asides
    .filter((aside) => aside.database === database)
    .sort((one, other) => (one.name < other.name ? -1 : 1))
    .at(-1);
  if (!last) {
    const others = asides.map((aside) => aside.database).join(', ');
    throw new CoffreError('not-found', `cannot put ${database} back: the server has none that was moved aside`, {
      hint: others === '' ? 'there is none of any other database either' : `there is one of: ${others}`,
    });
  }
  const refuse = (why: string, hint: string) =>
    new CoffreError('refused', `cannot put ${database} back: ${why}`, { hint });
  if (last.state === 'replaced')
    throw refuse('the new one was verified, and the old one is being dropped', 'restore an earlier run of it: --run');
  if (last.state === 'kept' && !dropFirst.includes(database)) {
    const why = 'the new one was loaded to its end, and may be in use';
    throw refuse(why, `to drop the new one, which nothing undoes, add: --drop-first ${quotePosix(database)}`);
  }
  return last;
}

import type { FoundAside } from '../database/aside.ts';
import { readAsides, readAsidesAtRest } from '../database/aside-mark.ts';
import { query } from '../database/client.ts';
import type { Connection } from '../database/connection.ts';
import { putBack, standsThere } from '../database/put-back.ts';
import { lockReplacement } from '../database/replacement-lock.ts';
import { retryTogether } from '../database/retry-together.ts';
import { inspectTarget } from '../database/target.ts';
import { CoffreError } from '../model/error.ts';
import type { Emit } from '../model/event.ts';
import { quotePosix } from '../system/command.ts';
import { trusting } from './trusting.ts';

/**
 * Puts databases back that restores have moved out of the way and left there: each of `databases` the one that was moved
 * last. What stands in its place goes only where it is among `dropFirst`: also what a restore that was cut short has loaded,
 * because somebody may have worked in it since. Throws `not-found`, `refused`, `locked`, or by the table; those before it are
 * back then.
 */
export async function putBackOld(
  target: Connection,
  databases: readonly string[],
  dropFirst: readonly string[],
  emit: Emit,
): Promise<readonly FoundAside[]> {
  const ask: Parameters<typeof readAsides>[0] = (sql, row) => query(target, sql, row);
  const found = await readAsidesAtRest(ask);
  const wanted = databases.map((database) => choose(database, found, dropFirst));
  const busy = wanted.find(({ atWork }) => atWork);
  if (busy) throw atWork(busy.database);
  const { storedCode, leftTrusting } = await inspectTarget(target);
  const lock = await lockReplacement(
    target,
    wanted.map(({ database }) => database),
    wanted.map(({ name }) => name),
  );
  try {
    // Another one may have come first.
    const now = await readAsides(ask);
    const chosen = databases.map((database) => choose(database, now, dropFirst));
    const subject = databases.join(', ');
    const trust = { target, trusts: storedCode === 'on-demand', left: leftTrusting, subject, emit };
    await trusting(trust, async () => {
      const [first] = await retryTogether(chosen, async ({ name, database }) => {
        await putBack(target, name, { standing: dropFirst.includes(database) ? 'goes' : 'stays' });
      });
      if (first) throw first.error;
    });
    return chosen;
  } finally {
    await lock.release();
  }
}

function choose(database: string, asides: readonly FoundAside[], dropFirst: readonly string[]): FoundAside {
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
  if (last.atWork || last.standing === null || dropFirst.includes(database)) return last;
  if (last.state === 'kept') {
    const why = 'the new one was loaded to its end, and may be in use';
    throw refuse(why, `to drop the new one, which nothing undoes, add: --drop-first ${quotePosix(database)}`);
  }
  // What stands there beside a half of the old one has not come from any restore, and is in nobody's way.
  if (last.state === 'moved') throw standsThere(database, last.standing);
  return last;
}

function atWork(database: string): CoffreError {
  return new CoffreError('locked', `cannot put ${database} back: a restore of it is at work`, {
    hint: 'wait for its end, which says what has become of the old one; or look for it: SHOW FULL PROCESSLIST',
  });
}

import { findProgram, packageOf } from '../../lib/system/programs.ts';
import type { Contestant } from './contestant.ts';
import { CONTESTANTS } from './contestants.ts';
import { UsageError } from './usage-error.ts';

/**
 * coffre and the peers of `--peers`, as far as their programs are here, and a line for each that is not: names with
 * commas between them, `all` or `none`. Throws `UsageError` for a name that nobody has.
 */
export function chosenContestants(peers: string): {
  readonly present: readonly Contestant[];
  readonly absent: readonly string[];
} {
  const names = peers === 'none' ? [] : peers.split(',');
  const unknown = names.filter((name) => name !== 'all' && !CONTESTANTS.some((each) => each.name === name));
  if (unknown.length > 0)
    throw new UsageError(`there is no peer ${unknown[0]}: there are ${CONTESTANTS.map(({ name }) => name).join(', ')}`);
  const asked = CONTESTANTS.filter(({ name }) => name === 'coffre' || names.includes('all') || names.includes(name));
  const missingOf = ({ programs }: Contestant) => programs.filter((program) => findProgram(program) === undefined);
  return {
    present: asked.filter((each) => missingOf(each).length === 0),
    absent: asked
      .filter((each) => missingOf(each).length > 0)
      .map(
        (each) =>
          `${each.name}: not installed; apt-get install ${[...new Set(missingOf(each).map(packageOf))].join(' ')}`,
      ),
  };
}

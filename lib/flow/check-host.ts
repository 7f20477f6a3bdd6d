import type { CheckOrder, Condition, HostChecked } from '../model/host-check.ts';
import type { Clock } from '../system/clock.ts';
import { databaseProbes } from './check-database.ts';
import { offsiteConditions, reachProbes } from './check-far-side.ts';
import { fileProbes } from './check-keys.ts';
import { placeProbes } from './check-places.ts';
import { runProbes } from './check-runs.ts';
import { CLOCK, clockProbe, scheduleProbes } from './check-schedule.ts';
import { type Probe, tryConditions, untried } from './try-conditions.ts';

interface CheckContext {
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** A look at an offsite is a dozen questions over a line that may be long. */
const FAR_LIMITS = 3;

/**
 * On the host: tries every condition under which its next backup is whole, and changes nothing that stays. Throws only
 * `interrupted`.
 */
export async function checkHost(order: CheckOrder, { clock, signal }: CheckContext): Promise<HostChecked> {
  const { slice, controlTimeMs, limitMs } = order;
  const { host } = slice;
  const limits = { limitMs, signal };
  const own = async () => [
    ...(await tryConditions(
      [
        ...databaseProbes(host),
        ...placeProbes(slice),
        ...(await fileProbes(order, clock)),
        ...scheduleProbes(order, clock),
        ...(controlTimeMs === null ? [] : [clockProbe(controlTimeMs, clock)]),
        ...runProbes(order, clock),
        ...reachProbes(order, limitMs),
      ],
      limits,
    )),
    ...(controlTimeMs === null ? [untried(CLOCK, 'there is no other clock here: ask from control')] : []),
  ];
  const far = host.offsite.map(async ({ name }): Promise<readonly Condition[]> => {
    let seen: readonly Condition[] = [];
    const whole: Probe = {
      check: `offsite ${name}`,
      of: `offsite ${name}`,
      says: 'it answers',
      late: 'offsite-unreachable',
      async look() {
        seen = await offsiteConditions(order, name, { clock, signal });
        return {};
      },
    };
    const tried = await tryConditions([whole], { limitMs: limitMs * FAR_LIMITS, signal });
    return seen.length > 0 ? seen : tried;
  });
  const [conditions, ...offsites] = await Promise.all([own(), ...far]);
  return { conditions: [...conditions, ...offsites.flat()] };
}

import { chooseScheduler, readSchedulerFacts } from '../host/choose-scheduler.ts';
import { clockRemark, zoneRemark } from '../host/clock-remarks.ts';
import { hostTimeZone } from '../host/host-time-zone.ts';
import type { CheckOrder } from '../model/host-check.ts';
import type { Clock } from '../system/clock.ts';
import { schedulerRemark } from './host-remarks.ts';
import { scheduled } from './host-resources.ts';
import type { Probe, Seen } from './try-conditions.ts';

/** Whether the nightly task starts, and at the time that the audit expects it. */
export function scheduleProbes({ slice }: CheckOrder, clock: Clock): readonly Probe[] {
  const { host } = slice;
  return [
    {
      check: 'schedule',
      says: 'something starts the nightly task',
      async look(): Promise<Seen> {
        const chosen = chooseScheduler(host.scheduler.kind, await readSchedulerFacts());
        const drifted: string[] = [];
        for (const resource of await scheduled(host, (await hostTimeZone()) ?? 'unknown', 'present')) {
          const change = await resource.inspect();
          const what = {
            create: 'there is none',
            change: 'it is not as provisioning writes it',
            remove: 'it should be gone',
          };
          if (change) drifted.push(`${resource.name}: ${what[change.action]}`);
        }
        const hint = `mend it: npx zx tasks/provision.ts ${host.name}`;
        if (drifted.length > 0) return { fault: { text: drifted.join('; '), hint } };
        if (chosen === 'none') return { detail: 'the inventory leaves it to somebody else' };
        const remark = await schedulerRemark(host);
        if (remark) return { fault: remark };
        const by = chosen === 'cron' ? host.scheduler.cronFile : 'coffre.timer';
        return { detail: `${by}: ${host.schedule} in ${host.timezone}` };
      },
    },
    {
      check: 'zone',
      says: 'its time zone is that of the inventory',
      severity: 'warning',
      async look() {
        return { detail: host.timezone, fault: zoneRemark(host.timezone, await hostTimeZone(), clock.now()) };
      },
    },
  ];
}

export const CLOCK = { check: 'clock', says: 'its clock agrees with that of control' } as const;

export function clockProbe(controlTimeMs: number, clock: Clock): Probe {
  return {
    ...CLOCK,
    async look() {
      const skewMs = clock.now().getTime() - controlTimeMs;
      const figures = [{ name: 'clock_skew', value: Math.round(skewMs / 1000), unit: 's' as const }];
      return { detail: 'to within five minutes', figures, fault: clockRemark(controlTimeMs + skewMs, controlTimeMs) };
    },
  };
}

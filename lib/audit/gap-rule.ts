import { startOfRun } from '../model/run-id.ts';
import { previousFire, previousFires } from '../model/schedule.ts';
import type { Expectation } from './expectation.ts';
import type { AuditFinding } from './finding.ts';
import type { AuditRepository } from './read-repository.ts';

const DAYS = 14;
/** A host's clock may be behind by this much, and cron starts a run within the minute. */
const EARLY_MS = 5 * 60_000;
/** As many are looked at of a schedule that fires every hour. */
const FIRES = 100;

/**
 * Nights of the last two weeks that went by without a run that succeeded, although the host had begun to publish by then. That
 * the newest one is missing is for `judgeFreshness` to say, and an error; a night before it cannot be made good any more,
 * so it is a warning until it is two weeks old.
 */
export function gapRule({ links }: Pick<AuditRepository, 'links'>, { hosts, now }: Expectation): AuditFinding[] {
  const runsOf = new Map<string, { readonly startMs: number; readonly succeeded: boolean }[]>();
  for (const { host, run, outcome, trusted } of links) {
    if (!trusted) continue;
    const runs = runsOf.get(host) ?? [];
    runs.push({ startMs: startOfRun(run).getTime(), succeeded: outcome === 'succeeded' });
    runsOf.set(host, runs);
  }
  return [...hosts].flatMap(([host, { schedule, timezone, graceHours }]): AuditFinding[] => {
    const runs = runsOf.get(host);
    if (!runs) return [];
    const begun = runs.reduce((least, { startMs }) => Math.min(least, startMs), Number.POSITIVE_INFINITY);
    const due = previousFire(schedule, timezone, new Date(now.getTime() - graceHours * 3_600_000));
    const since = new Date(Math.max(begun, now.getTime() - DAYS * 86_400_000));
    const missed: string[] = [];
    let next = due.getTime();
    for (const fire of previousFires(schedule, timezone, due, since, FIRES)) {
      const [from, to] = [fire.getTime() - EARLY_MS, next - EARLY_MS];
      next = fire.getTime();
      const during = runs.filter(({ startMs }) => startMs >= from && startMs < to);
      if (during.some(({ succeeded }) => succeeded)) continue;
      missed.push(`${fire.toISOString().slice(0, 16).replace('T', ' ')} (${during.length > 0 ? 'failed' : 'silent'})`);
    }
    if (missed.length === 0) return [];
    const told = missed.slice(0, 3).join(', ');
    const more = missed.length > 3 ? `, and ${missed.length - 3} more` : '';
    const message = `no run succeeded of those that were due in the last ${DAYS} days at ${told}${more}`;
    const hint = `look at: npx zx tasks/list.ts ${host} --from audit; and at the log of the host then`;
    return [{ rule: 'gap', severity: 'warning', host, path: null, message, hint }];
  });
}

import { previousFire } from '../model/schedule.ts';
import { lookDueBefore } from '../model/verify-config.ts';
import type { Expectation } from './expectation.ts';
import type { AuditFinding } from './finding.ts';
import type { AuditRepository } from './read-repository.ts';

/**
 * A host whose inventory has `verify` looks at its copies after a nightly backup, at every place, no longer ago than that
 * says. Judged by the last night whose hours of grace are over: an error for each place that was not read to its end
 * since.
 */
export function lookRule(
  { others }: Pick<AuditRepository, 'others'>,
  { hosts, now }: Pick<Expectation, 'hosts' | 'now'>,
): AuditFinding[] {
  return [...hosts].flatMap(([host, { verify, schedule, timezone, graceHours, offsite }]) => {
    if (!verify) return [];
    const night = previousFire(schedule, timezone, new Date(now.getTime() - graceHours * 3_600_000));
    const dueBefore = lookDueBefore(verify, night);
    const places = ['store', 'export', ...offsite.map(({ name }) => `offsite ${name}`)];
    const last = new Map<string, string>();
    for (const other of others) {
      const { record } = other;
      if (other.host !== host || !other.trusted || record?.kind !== 'verify' || record.runs === 'one') continue;
      if (record.runs === 'latest' && verify.runs === 'all') continue;
      if (record.sample !== null && record.sample < (verify.sample ?? Number.POSITIVE_INFINITY)) continue;
      for (const { kind, offsite, error, runs } of record.places) {
        if (error !== null || runs.some(({ verdict }) => verdict === 'unread')) continue;
        const place = offsite === null ? kind : `offsite ${offsite}`;
        if (record.startedAt > (last.get(place) ?? '')) last.set(place, record.startedAt);
      }
    }
    return places.flatMap((place): AuditFinding[] => {
      const at = last.get(place);
      if (at !== undefined && Date.parse(at) >= dueBefore.getTime()) return [];
      const when = at === undefined ? 'it never was' : `the last time was ${at}`;
      const message = `every ${verify.everyDays} days its copies in the ${place} should be read, and ${when}`;
      const hint = `look at what its nightly task says; or on ${host}: npx zx tasks/verify.ts ${host} --publish`;
      return [{ rule: 'looked-at', severity: 'error', host, path: null, message, hint }];
    });
  });
}

import type { AuditFinding } from './finding.ts';
import { lateMs } from './odd-arrival.ts';
import { placeOf } from './paths.ts';
import type { AuditRepository } from './read-repository.ts';

/** Says of each record that came late when it did: a host that could not publish, or one that somebody has dated back. */
export function arrivalRule({ arrivals }: Pick<AuditRepository, 'arrivals'>): AuditFinding[] {
  return arrivals.flatMap(({ path, commit, committedAt }) => {
    const place = placeOf(path);
    if (typeof place !== 'object') return [];
    const { host, name } = place;
    const days = Math.round(lateMs(committedAt, name) / 86_400_000);
    const message = `it came ${days} days after it says it began, by commit ${commit.slice(0, 12)}`;
    const hint = `if ${host} could not publish in those days, all is well; if it could, look at: git show ${commit.slice(0, 12)}`;
    return [{ rule: 'arrival', severity: 'warning' as const, host, path, message, hint }];
  });
}

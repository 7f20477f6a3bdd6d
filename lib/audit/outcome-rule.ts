import type { AuditFinding } from './finding.ts';
import type { AuditRepository } from './read-repository.ts';

/** A run that succeeded may owe a copy, and names that error. One of a phase without which there is no backup fits no success. */
export function outcomeRule({ links }: Pick<AuditRepository, 'links'>): AuditFinding[] {
  return links.flatMap(({ host, path, outcome, error }): AuditFinding[] => {
    if (outcome !== 'succeeded' || error === null) return [];
    if (error.phase !== 'preflight' && error.phase !== 'dump') return [];
    const message = `it says that it succeeded, and names an error of its phase ${error.phase}: ${error.code}`;
    const hint = `see what the run told on ${host}, and try its copy: npx zx tasks/drill.ts ${host}`;
    return [{ rule: 'outcome', severity: 'warning', host, path, message, hint }];
  });
}

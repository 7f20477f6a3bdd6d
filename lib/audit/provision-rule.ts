import type { Expectation } from './expectation.ts';
import type { AuditFinding } from './finding.ts';
import type { PublishedRecord } from './published.ts';
import type { AuditRepository } from './read-repository.ts';

/** A host whose newest provisioning on record failed midway: it is neither as it was nor as the inventory says. */
export function provisionRule(
  { others }: Pick<AuditRepository, 'others'>,
  { hosts }: Pick<Expectation, 'hosts'>,
): AuditFinding[] {
  return [...hosts.keys()].sort().flatMap((host): AuditFinding[] => {
    const newest = newestProvision(others.filter((other) => other.host === host));
    if (newest?.record.outcome !== 'failed') return [];
    const { error, finishedAt } = newest.record;
    const at = error?.at ? ` at the ${error.at.kind} that it was to ${error.at.action}` : '';
    const message = `its last provisioning, of ${finishedAt}, failed midway${at} (${error?.code ?? 'unexpected'})`;
    const hint = `look at what is left to do, and do it: npx zx tasks/provision.ts ${host}`;
    return [{ rule: 'provision', severity: 'warning', host, path: newest.path, message, hint }];
  });
}

/** The newest of one host's trusted records of a provisioning. */
export function newestProvision(others: readonly PublishedRecord[]) {
  const made = others.flatMap(({ record, trusted, sequence, path }) =>
    trusted && record?.kind === 'provision' ? [{ record, sequence, path }] : [],
  );
  return made.sort((a, b) => b.sequence - a.sequence)[0];
}

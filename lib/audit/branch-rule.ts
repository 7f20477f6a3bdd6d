import type { AuditFinding } from './finding.ts';
import { show } from './finding.ts';
import type { AuditRepository } from './read-repository.ts';

/** A checkout that is named stands on a branch that hosts publish to, which are `published`: what is judged on another says nothing of theirs. */
export function branchRule({ branch }: Pick<AuditRepository, 'branch'>, published: readonly string[]): AuditFinding[] {
  const wanted = [...new Set(published)].sort();
  if (branch === null || wanted.length === 0 || wanted.includes(branch)) return [];
  const message = `it is on the branch ${show(branch)}, and hosts publish to ${wanted.join(' and ')}`;
  const hint = `git checkout ${wanted[0]}; then again: npx zx tasks/validate.ts`;
  return [{ rule: 'branch', severity: 'warning', host: null, path: null, message, hint }];
}

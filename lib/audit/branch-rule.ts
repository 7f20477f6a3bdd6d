import type { AuditFinding } from './finding.ts';
import { show } from './finding.ts';
import type { AuditRepository } from './read-repository.ts';

/**
 * A checkout that is named stands on a branch that hosts publish to, which are `published`: what is judged on another, or
 * at a commit that somebody has checked out, says nothing of what they publish now.
 */
export function branchRule(
  { branch, head }: Pick<AuditRepository, 'branch' | 'head'>,
  published: readonly string[],
): AuditFinding[] {
  const wanted = [...new Set(published)].sort();
  if (branch.kind === 'asked' || wanted.length === 0) return [];
  if (branch.kind === 'branch' && wanted.includes(branch.name)) return [];
  const at = branch.kind === 'branch' ? `on the branch ${show(branch.name)}` : 'on no branch (detached HEAD)';
  const commit = head === null ? '' : `: what was looked at is commit ${head.slice(0, 12)}`;
  const message = `the folder is ${at}, and hosts publish to ${wanted.join(' and ')}${commit}`;
  const hint = `git checkout ${wanted[0]}; then again: npx zx tasks/validate.ts`;
  return [{ rule: 'branch', severity: 'warning', host: null, path: null, message, hint }];
}

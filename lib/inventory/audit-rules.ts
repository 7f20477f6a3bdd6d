import type { AuditConfig } from '../model/audit-config.ts';
import { parseGitRemote } from '../model/git-remote.ts';
import type { Objection } from './finding.ts';

/** What stands against the way to the audit repository, of a host or of a driller. */
export function judgeRemote(audit: AuditConfig): Objection[] {
  if (audit.kind === 'github') return [];
  const { transport, fault } = parseGitRemote(audit.remote);
  if (fault !== undefined) return [{ steps: ['audit', 'remote'], message: fault }];
  const unused = (['user', 'ca'] as const).filter((key) => transport !== 'https' && audit[key] !== undefined);
  if (unused.length > 0)
    return unused.map((key) => ({ steps: ['audit', key], message: 'it is only for an https:// remote' }));
  if (transport !== 'ssh' || audit.hostKey !== undefined) return [];
  return [
    {
      steps: ['audit', 'hostKey'],
      message: 'it is missing: a remote over SSH needs the host key of its server; get it with ssh-keyscan',
    },
  ];
}

/** What is secret, and stands in the inventory all the same. */
export function judgeSecrets(audit: AuditConfig): Objection[] {
  if (audit.kind === 'github' || !parseGitRemote(audit.remote).hasPassword) return [];
  return [
    {
      steps: ['audit', 'remote'],
      message:
        'a user or a password stands in this address: it must leave the inventory and its history, and be replaced',
    },
  ];
}

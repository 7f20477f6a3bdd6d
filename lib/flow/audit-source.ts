import { gitHubReading, gitLogin } from '../audit/audit-secrets.ts';
import type { Source } from '../audit/open-repository.ts';
import { type AuditConfig, gitAddressOf } from '../model/audit-config.ts';
import { CoffreError } from '../model/error.ts';
import type { HostConfig, Inventory } from '../model/inventory.ts';
import { exists } from '../system/files.ts';

/** The audit repository that is named, or else the one and only that the hosts of the inventory publish to. */
export async function auditSource(inventory: Inventory, named: string | undefined): Promise<Source> {
  if (named !== undefined) return { location: named };
  const [first, ...others] = [
    ...new Map([...inventory.hosts.values()].map((host) => [gitAddressOf(host.audit), host])).values(),
  ];
  if (!first)
    throw new CoffreError('inventory', `cannot find a host in ${inventory.folder}`, { hint: 'add one under hosts/' });
  if (others.length > 0) {
    throw new CoffreError('usage', 'cannot tell which audit repository is meant: the inventory names several', {
      hint: 'name one: --repository PATH|REMOTE',
    });
  }
  return await sourceOf(first);
}

/**
 * How the audit repository of a host is read from here, of either kind with git. Throws `audit-unreachable` when the secrets
 * for it cannot be read.
 */
export async function sourceOf({ audit, secrets }: Pick<HostConfig, 'audit' | 'secrets'>): Promise<Source> {
  const source = { location: gitAddressOf(audit), branch: audit.branch };
  const https = await loginFrom(audit, await secretsHere(secrets.path));
  if (https !== undefined) return { ...source, https };
  if (audit.kind === 'github') return source;
  // That key is the hosts' own. Elsewhere whoever validates has keys, or an agent, of his own.
  const isHere = audit.identity !== undefined && (await isThere(audit.identity));
  return { ...source, ssh: { identity: isHere ? audit.identity : undefined, hostKey: audit.hostKey } };
}

async function loginFrom(audit: AuditConfig, secretsFile: string) {
  return audit.kind === 'git' ? await gitLogin(audit, secretsFile) : await gitHubReading(audit, secretsFile);
}

/** The host's own .env file, on the host; elsewhere that of the current folder, where an operator keeps his. */
async function secretsHere(path: string): Promise<string> {
  return (await isThere(path)) ? path : '.env';
}

/** What cannot be looked at is not ours. */
function isThere(path: string): Promise<boolean> {
  return exists(path).catch(() => false);
}

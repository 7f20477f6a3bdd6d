import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { auditSource, sourceOf } from '../../lib/flow/audit-source.ts';
import { readInventory } from '../../lib/inventory/read.ts';
import type { HostConfig } from '../../lib/model/inventory.ts';
import { HostName } from '../../lib/model/names.ts';
import { inventoryWith } from '../fixture/inventory.ts';

const inventory = await readInventory(await inventoryWith(t));
const [example] = inventory.hosts.values();
if (!example) throw new Error('the example has a host');

/** The inventory with hosts that publish there. */
function publishing(...audits: readonly HostConfig['audit'][]) {
  const hosts = audits.map((audit, n) => ({ ...example, name: HostName.parse(`db${n}`), audit }) as HostConfig);
  return { ...inventory, hosts: new Map(hosts.map((host) => [host.name, host])) };
}

t.test("the hosts' key is used where it is, and elsewhere the operator's own", async (t) => {
  const identity = join(t.testdir(), 'audit_ed25519');
  const audit = {
    kind: 'git',
    remote: 'git@git.example.net:audit.git',
    branch: 'main',
    hostKey: 'ssh-ed25519 AAAA',
    identity,
  } as const;
  const source = { location: audit.remote, branch: 'main' };
  t.strictSame(await auditSource(publishing(audit), undefined), {
    ...source,
    ssh: { identity: undefined, hostKey: audit.hostKey },
  });
  t.strictSame(await auditSource(publishing({ ...audit, identity: `${identity}/x` }), undefined), {
    ...source,
    ssh: { identity: undefined, hostKey: audit.hostKey },
  });
  await writeFile(identity, 'a key');
  t.strictSame(await auditSource(publishing(audit), undefined), {
    ...source,
    ssh: { identity, hostKey: audit.hostKey },
  });
});

t.test('one that is named is taken; of several none is guessed', async (t) => {
  const audit = (remote: string) => ({ kind: 'git', remote, branch: 'main' }) as const;
  const two = publishing(audit('/srv/a.git'), audit('/srv/b.git'));
  t.strictSame(await auditSource(two, '/srv/a.git'), { location: '/srv/a.git' });
  await t.rejects(auditSource(two, undefined), { code: 'usage', hint: /--repository/ });
  t.match(await auditSource(publishing(audit('/srv/a.git'), audit('/srv/a.git')), undefined), {
    location: '/srv/a.git',
  });
  await t.rejects(auditSource(publishing(), undefined), { code: 'inventory' });
});

t.test('a repository at GitHub, and one over HTTPS, are read with the token that is here', async (t) => {
  const secrets = join(t.testdir(), '.env');
  const github = {
    kind: 'github',
    repository: 'acme/backup-audit',
    branch: 'main',
    api: 'https://api.github.com',
  } as const;
  const at = (audit: HostConfig['audit']) => sourceOf({ audit, secrets: { path: secrets } });
  const location = 'https://github.com/acme/backup-audit.git';
  await writeFile(secrets, 'COFFRE_GITHUB_TOKEN=one\nCOFFRE_GIT_TOKEN=two\n', { mode: 0o600 });
  t.strictSame(await at(github), {
    location,
    branch: 'main',
    https: { address: location, user: 'x-access-token', token: 'one' },
  });
  t.match(await at({ ...github, api: 'https://api.acme.ghe.com' }), {
    location: 'https://acme.ghe.com/acme/backup-audit.git',
  });
  t.match(await at({ ...github, api: 'https://git.acme.example/api/v3' }), {
    location: 'https://git.acme.example/acme/backup-audit.git',
  });
  const remote = 'https://git.example.net/audit.git';
  t.match(await at({ kind: 'git', remote, branch: 'main', user: 'oauth2', ca: '/ca.pem' }), {
    location: remote,
    https: { address: remote, user: 'oauth2', token: 'two', caFile: '/ca.pem' },
  });
  await writeFile(secrets, '');
  t.match(await at(github), { https: { token: undefined } }, 'a public one is read without');
});

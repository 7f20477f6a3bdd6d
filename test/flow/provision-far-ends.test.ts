import { readFileSync } from 'node:fs';
import t from 'tap';
import { setUpFarEnds } from '../../lib/flow/provision-far-ends.ts';
import { readInventory } from '../../lib/inventory/read.ts';
import type { Converged } from '../../lib/model/converge-order.ts';
import type { FlowEvent } from '../../lib/model/event.ts';
import { type HostConfig, SftpOffsiteConfig } from '../../lib/model/inventory.ts';
import { HostName } from '../../lib/model/names.ts';
import { noContractor, startContractor } from '../fixture/contractor.ts';
import { inventoryWith } from '../fixture/inventory.ts';

const skip = (await noContractor()) ?? false;

t.test("what control does at the contractor's server", { skip }, async (t) => {
  const { hostKey, adminPort, adminIdentity, hostPublicKey, sh } = await startContractor(t);
  const [example] = (await readInventory(await inventoryWith(t))).hosts.values();
  if (!example) throw new Error('the example has a host');
  const identity = '/etc/coffre/offsite_ed25519';
  const server = { address: '127.0.0.1', port: adminPort, user: 'acme', hostKey };
  const offsite = SftpOffsiteConfig.parse({
    ...{ name: 'contractor', kind: 'sftp', ...server, path: '/runs', identity, admin: { user: 'root' } },
  });
  const host: HostConfig = { ...example, offsite: [offsite] };
  const converged: Converged = {
    ...{ plan: { host: host.name, changes: [], remarks: [] }, applied: [], signingKey: null },
    ...{ identities: [], proofs: [], remarks: [], farEnds: [] },
  };
  const events: FlowEvent[] = [];
  const setting = {
    login: async () => readFileSync(adminIdentity),
    emit: (event: FlowEvent) => void events.push(event),
    signal: new AbortController().signal,
    hosts: [host, { ...host, name: HostName.parse('sharer') }],
  };

  await t.test('a dry run shows it all, with the key that the host is going to make', async (t) => {
    const { farChanges: changes, farRemarks } = await setUpFarEnds(host, converged, { ...setting, apply: false });
    t.match(
      changes.map(({ action, kind, name }) => `${action} ${kind} ${name}`),
      ['create user contractor: acme', 'create folder contractor: /srv/coffre'],
    );
    t.match(changes.at(-1), {
      name: 'contractor: /etc/ssh/authorized_keys/acme',
      lines: ['+restrict,command="internal-sftp" (the key that the host is going to make) coffre:'],
    });
    t.strictSame(farRemarks, []);
    t.match(events, [{ kind: 'plan', plan: { changes } }]);
    t.equal(await sh('ls -A /srv; getent passwd acme || true'), '', 'and nothing is changed');
  });

  await t.test('it is never the key to be that is let in', async (t) => {
    t.match(await setUpFarEnds(host, converged, { ...setting, apply: true }), { farChanges: { length: 0 } });
    t.equal(await sh('ls -A /srv'), '');
    const publicKey = hostPublicKey.split(' ').slice(0, 2).join(' ');
    const made = { ...converged, identities: [{ path: identity, publicKey }] };
    t.match(await setUpFarEnds(host, made, { ...setting, apply: true }), { farChanges: { length: 7 } });
    t.ok((await sh('cat /etc/ssh/authorized_keys/acme')).includes(publicKey));

    await sh(
      'printf "%s\n" "$@" >> /etc/ssh/authorized_keys/acme',
      `${publicKey} mallory`,
      `${publicKey} coffre:sharer`,
    );
    const { farChanges, farRemarks } = await setUpFarEnds(host, made, { ...setting, apply: true });
    t.strictSame(farChanges, [], 'a line of others stays');
    t.match(farRemarks, [{ text: /^contractor: another key can log in as acme.*: SHA256:\S+ \(mallory\)$/ }]);
    t.equal(farRemarks.length, 1, 'a host that shares the account is known');
  });
});

import { readFileSync } from 'node:fs';
import t from 'tap';
import { applyContractorSide, planContractorSide } from '../../lib/flow/apply-contractor-side.ts';
import { setUpFarEnds } from '../../lib/flow/provision-far-ends.ts';
import { readInventory } from '../../lib/inventory/read.ts';
import type { Converged } from '../../lib/model/converge-order.ts';
import type { FlowEvent } from '../../lib/model/event.ts';
import type { HostConfig } from '../../lib/model/inventory.ts';
import { HostName } from '../../lib/model/names.ts';
import { SftpOffsiteConfig } from '../../lib/model/offsite-config.ts';
import { RunId } from '../../lib/model/run-id.ts';
import { contractorSide } from '../../lib/storage/contractor-side.ts';
import { checkFarEnd } from '../../lib/storage/far-end-check.ts';
import { openSftpOffsite } from '../../lib/storage/sftp-offsite.ts';
import { sha256Of } from '../../lib/system/files.ts';
import { connectSsh, type SshTarget } from '../../lib/system/ssh.ts';
import { collect } from '../bytes.ts';
import { noContractor, startContractor } from '../fixture/contractor.ts';
import { inventoryWith } from '../fixture/inventory.ts';

const RUN = RunId.parse('2026-11-22T040000Z');
const skip = (await noContractor()) ?? false;

t.test("the contractor's side is set up over SSH", { skip }, async (t) => {
  const contractor = await startContractor(t);
  const { hostKey, adminPort, hostIdentity, hostPublicKey, sh } = contractor;
  const offsite = SftpOffsiteConfig.parse({
    ...{ name: 'contractor', kind: 'sftp', address: '127.0.0.1', port: adminPort, user: 'acme', hostKey },
    ...{ path: "/back ups/it's $(touch x)", identity: hostIdentity, admin: { user: 'root' } },
  });
  const host = HostName.parse('db1');
  const side = contractorSide(offsite, hostPublicKey, host);
  const connection = await connectSsh({
    ...{ address: '127.0.0.1', port: adminPort, user: 'root', hostKey },
    ...{ identity: readFileSync(contractor.adminIdentity), unreachable: 'offsite-unreachable' },
  });
  t.teardown(() => connection.close());
  const login = { connection, admin: 'root' };
  const target: SshTarget = {
    ...{ address: '127.0.0.1', port: adminPort, user: 'acme', hostKey, unreachable: 'offsite-unreachable' },
    identity: readFileSync(hostIdentity),
  };
  const failing = async () => {
    const all = await checkFarEnd({ target, path: offsite.path, others: ['/etc'] }, Date.now());
    return all.filter(({ outcome }) => outcome !== 'ok');
  };

  t.test('the plan names all that is missing, and changes nothing', async (t) => {
    const plan = await planContractorSide(login, side);
    t.same(
      plan.map(({ action, kind, name }) => `${action} ${kind} ${name}`),
      [
        'create user acme',
        'create folder /srv/coffre',
        'create folder /srv/coffre/acme',
        'create folder /srv/coffre/acme/back ups',
        `create folder ${side.folder}`,
        'create folder /etc/ssh/authorized_keys',
        `create file ${side.rules.path}`,
        `create file ${side.keys.path}`,
      ],
    );
    t.same(await planContractorSide(login, side), plan);
  });

  t.test('what is done is the plan; the second time there is nothing to do', async (t) => {
    const plan = await planContractorSide(login, side);
    t.same(await applyContractorSide(login, side), plan);
    t.same(await planContractorSide(login, side), []);
    t.same(await applyContractorSide(login, side), []);
    t.equal(
      await sh('ls -A /etc/ssh/sshd_config.d /etc/ssh/authorized_keys'),
      ['/etc/ssh/authorized_keys:\nacme\n\n/etc/ssh/sshd_config.d:\ncoffre-acme.conf\n'].join(''),
    );
  });

  t.test('from outside all is as it should be', async (t) => {
    t.same(await failing(), []);
    t.equal(await sh('ls -A "$1"', side.folder), '');
  });

  t.test('drift is seen and mended', async (t) => {
    const rounds = [
      [
        ['rm "$1"', side.rules.path],
        ['rm "$1"', side.keys.path],
        ['chmod 0777 "$1"', side.chroot],
        ['chown root:root "$1"', side.folder],
      ],
      [
        ['sed -i "s/DisableForwarding yes/DisableForwarding no/" "$1"', side.rules.path],
        ['sed -i "s/restrict,//" "$1"', side.keys.path],
        ['chmod 0755 "$1"', side.folder],
        ['chmod 2755 "$1"', '/etc/ssh/authorized_keys'],
      ],
      [
        // killed after the rules were written, before sshd has read them
        [': > "$1.before"', side.rules.path],
        ['chmod 0664 "$1"', side.keys.path],
      ],
      [['chmod 0664 "$1"', side.rules.path]],
    ] as const;
    for (const [index, drifts] of rounds.entries()) {
      for (const [script, path] of drifts) await sh(script, path);
      const names = (await planContractorSide(login, side)).map(({ name }) => name).sort();
      t.same(names, drifts.map(([, path]) => path).sort(), `round ${index}`);
      t.equal((await applyContractorSide(login, side)).length, drifts.length);
      t.same(await planContractorSide(login, side), []);
    }
    t.same(await failing(), []);
  });

  t.test('a second host with the same account keeps the line of the first', async (t) => {
    const second = contractorSide({ ...offsite, path: '/back ups/db10' }, hostPublicKey, HostName.parse('db10'));
    t.equal((await applyContractorSide(login, second)).length, 2);
    t.same(await planContractorSide(login, side), []);
    t.match(await sh('cat "$1"', side.keys.path), /coffre:db1\n.*coffre:db10\n$/);
    t.match(await failing(), [
      { check: 'others', detail: 'it can read /back ups/db10', hint: /one account for each host/ },
    ]);
    await sh('rmdir "$1"', second.folder);
  });

  t.test('rules that sshd does not accept leave what was there, and sshd running', async (t) => {
    const before = await sh('cat "$1"', side.rules.path);
    const wrong = { ...side, rules: { ...side.rules, content: `${side.rules.content}Nonsense yes\n` } };
    await t.rejects(applyContractorSide(login, wrong), { code: 'refused', message: /does not accept the rules/ });
    const greedy = { ...side, rules: { ...side.rules, content: 'PermitRootLogin no\n' } };
    await t.rejects(applyContractorSide(login, greedy), { code: 'refused', message: /change how root logs in/ });
    t.equal(await sh('cat "$1"', side.rules.path), before);
    t.equal((await sh('ls -A /etc/ssh/sshd_config.d')).trim(), 'coffre-acme.conf');
    t.same(await failing(), []);
  });

  t.test('rules that do not count, because others come first or they are not included, are taken back', async (t) => {
    const other = contractorSide({ ...offsite, user: 'other' }, hostPublicKey, host);
    await sh('printf "Match User other\\n  ChrootDirectory /srv\\n" > /etc/ssh/sshd_config.d/0.conf');
    await t.rejects(applyContractorSide(login, other), { code: 'refused', message: /another Match block comes first/ });
    t.equal(await sh('rm /etc/ssh/sshd_config.d/0.conf; ls -A /etc/ssh/sshd_config.d'), 'coffre-acme.conf\n');
    t.equal((await sh('ls -A /etc/ssh/authorized_keys')).trim(), 'acme', 'no key without rules');
    t.ok((await applyContractorSide(login, other)).length > 0);
  });

  t.test("somebody's account, and somebody's folder, are refused", async (t) => {
    await sh('useradd --shell /bin/bash person; useradd --shell /usr/sbin/nologin service');
    const of = (change: Partial<SftpOffsiteConfig>) => contractorSide({ ...offsite, ...change }, hostPublicKey, host);
    await t.rejects(planContractorSide(login, of({ user: 'person' })), { code: 'refused', message: /somebody's/ });
    await t.rejects(planContractorSide({ ...login, admin: 'service' }, of({ user: 'service' })), { code: 'refused' });
    await t.rejects(planContractorSide(login, of({ user: 'service' })), {
      code: 'refused',
      message: /the account service: it is somebody's/,
      hint: /usermod --comment 'backups by SFTP' service$/,
    });
    await sh("usermod --comment 'backups by SFTP' service");
    const given = await planContractorSide(login, of({ user: 'service' }));
    t.notOk(
      given.some(({ kind }) => kind === 'user'),
      'its owner has given it up for backups',
    );
    await t.rejects(planContractorSide(login, of({ path: `${offsite.path}/below` })), {
      code: 'refused',
      message: /belongs to acme/,
    });
    await sh('mkdir -m 0777 /srv/open');
    await t.rejects(planContractorSide(login, of({ admin: { user: 'root', folder: '/srv/open/coffre' } })), {
      code: 'refused',
      message: /others than root can write there/,
    });
  });

  t.test('two at once both succeed', async (t) => {
    const sides = ['one', 'two', 'three'].map((name) =>
      contractorSide({ ...offsite, user: 'many', path: `/${name}` }, hostPublicKey, HostName.parse(name)),
    );
    // The account of both is made by one of them: the other is refused or finds it there.
    await applyContractorSide(login, contractorSide({ ...offsite, user: 'many', path: '/zero' }, hostPublicKey, host));
    await Promise.all(sides.map((each) => applyContractorSide(login, each)));
    t.equal((await sh('grep -c . /etc/ssh/authorized_keys/many')).trim(), '4');
  });

  t.test('the server broken beforehand is left alone', async (t) => {
    const fresh = contractorSide({ ...offsite, user: 'fresh' }, hostPublicKey, host);
    await sh('echo "Broken yes" > /etc/ssh/sshd_config.d/x.conf');
    await t.rejects(applyContractorSide(login, fresh), { code: 'refused', message: /wrong already/ });
    await sh('rm /etc/ssh/sshd_config.d/x.conf');
  });

  t.test('an administrator who is not root needs sudo without a password', async (t) => {
    await sh('useradd --shell /bin/sh --password "*" ordinary');
    const ordinary = await connectSsh({
      ...{ address: '127.0.0.1', port: adminPort, user: 'ordinary', hostKey },
      ...{ identity: readFileSync(contractor.adminIdentity), unreachable: 'offsite-unreachable' },
    });
    t.teardown(() => ordinary.close());
    await t.rejects(planContractorSide({ connection: ordinary, admin: 'ordinary' }, side), {
      code: 'refused',
      hint: /sudo without a password/,
    });
  });

  t.test('everything that an offsite has to do works with the denied requests', async (t) => {
    const store = await openSftpOffsite(offsite);
    t.teardown(() => store.close());
    const content = Buffer.from('sealed');
    const facts = { sizeBytes: content.length, sha256: sha256Of(content) };
    const upload = await store.beginRun(RUN);
    t.equal(await upload.put('encrypted.dat', content, async () => facts), 'read back');
    await upload.commit();
    t.same(await store.listRuns(), [RUN]);
    t.match(await sh('ls -lR "$1"', side.folder), /-rw------- 1 acme acme .* encrypted.dat/);
    const reader = await store.openRun(RUN);
    t.same(await reader?.list(), ['encrypted.dat']);
    t.equal(String(reader && (await collect(reader.read('encrypted.dat', 2)))), 'aled');
    await store.removeRun(RUN);
    await (await store.beginRun(RUN)).discard();
    t.equal(await sh('ls -A "$1"', side.folder), '');
  });

  t.test('provisioning sets up what it may, and tells what it sees there', async (t) => {
    const identity = '/etc/coffre/offsite_ed25519';
    const [example] = (await readInventory(await inventoryWith(t))).hosts.values();
    if (!example) throw new Error('the example has a host');
    const server = { address: '127.0.0.1', port: adminPort, user: 'globex', hostKey };
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
      login: async () => readFileSync(contractor.adminIdentity),
      emit: (event: FlowEvent) => void events.push(event),
      signal: new AbortController().signal,
      hosts: [host, { ...host, name: HostName.parse('sharer') }],
    };

    await t.test('a dry run shows it all, with the key that the host is going to make', async (t) => {
      const { farChanges: changes, farRemarks } = await setUpFarEnds(host, converged, { ...setting, apply: false });
      t.match(
        changes.map(({ action, kind, name }) => `${action} ${kind} ${name}`),
        ['create user contractor: globex', 'create folder contractor: /srv/coffre/globex'],
      );
      t.match(changes.at(-1), {
        name: 'contractor: /etc/ssh/authorized_keys/globex',
        lines: ['+restrict,command="internal-sftp" (the key that the host is going to make) coffre:'],
      });
      t.strictSame(farRemarks, []);
      t.match(events, [{ kind: 'plan', plan: { changes } }]);
      t.equal(await sh('find /srv -name globex; getent passwd globex || true'), '', 'and nothing is changed');
    });

    await t.test('it is never the key to be that is let in', async (t) => {
      t.match(await setUpFarEnds(host, converged, { ...setting, apply: true }), { farChanges: { length: 0 } });
      t.equal(await sh('getent passwd globex || true'), '');
      const publicKey = hostPublicKey.split(' ').slice(0, 2).join(' ');
      const made = { ...converged, identities: [{ path: identity, publicKey }] };
      t.match(await setUpFarEnds(host, made, { ...setting, apply: true }), { farChanges: { length: 5 } });
      t.ok((await sh('cat /etc/ssh/authorized_keys/globex')).includes(publicKey));

      await sh(
        'printf "%s\n" "$@" >> /etc/ssh/authorized_keys/globex',
        `${publicKey} mallory`,
        `${publicKey} coffre:sharer`,
      );
      const { farChanges, farRemarks } = await setUpFarEnds(host, made, { ...setting, apply: true });
      t.strictSame(farChanges, [], 'a line of others stays');
      t.match(farRemarks, [{ text: /^contractor: another key can log in as globex.*: SHA256:\S+ \(mallory\)$/ }]);
      t.equal(farRemarks.length, 1, 'a host that shares the account is known');
    });
  });
});

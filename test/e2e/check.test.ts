import assert from 'node:assert/strict';
import { chmodSync, cpSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { loadSql } from '../../lib/database/load-sql.ts';
import { check } from '../../lib/flow/check.ts';
import { checkHost } from '../../lib/flow/check-host.ts';
import { operatorLogin } from '../../lib/flow/login.ts';
import { releaseShelf } from '../../lib/flow/release-shelf.ts';
import { sliceOf } from '../../lib/flow/slice-of.ts';
import { readInventory } from '../../lib/inventory/read.ts';
import type { Condition } from '../../lib/model/host-check.ts';
import { checkReport } from '../../lib/report/check-result.ts';
import { run } from '../../lib/system/command.ts';
import { makeFolder } from '../../lib/system/files.ts';
import { type AnyYaml, provisionedWorld, whyNoProvisioning } from '../fixture/provisioned-world.ts';
import { eventsOf } from '../fixture/task.ts';

/* A host that was provisioned and has a run, and one thing after another that is wrong with it: all of it real. */

t.setTimeout(300_000);
const skip = whyNoProvisioning();

t.test('every condition of a host, and each that fails', { skip }, async (t) => {
  const world = await provisionedWorld(t);
  t.match(await world.converge(), { ok: true });
  await world.letIn();
  chmodSync(world.at('contractor/backups/db1'), 0o700);
  const agent = (...words: string[]) =>
    run(world.at('host/opt/coffre/current/coffre'), [...words, '--inventory', world.at('host/etc/coffre')]);
  const backup = await agent('backup');
  t.equal(backup.exitCode, 0, backup.stderr);
  // The contractor of this world is no chroot, which is told as what it is.
  const WEAK = ['offsite contractor command', 'offsite contractor folder'];
  const failedOf = (conditions: readonly Condition[]) =>
    new Map(
      conditions
        .filter(({ outcome, check }) => outcome === 'failed' && !WEAK.includes(check))
        .map((each) => [each.of ?? each.check, each]),
    );
  /** What fails on the host, by the inventory as it is, or as `edit` makes it. */
  const failing = async (edit?: (host: AnyYaml) => void, { limitMs = 10_000, aheadMs = 0 } = {}) => {
    const before = readFileSync(world.at('inventory/hosts/db1.yaml'));
    if (edit) await world.change(edit);
    const inventory = await readInventory(world.inventoryFolder);
    writeFileSync(world.at('inventory/hosts/db1.yaml'), before);
    const [host] = inventory.hosts.values();
    assert.ok(host);
    const now = () => new Date(Date.now() + aheadMs);
    const order = { slice: sliceOf(host, inventory), otherFolders: {}, controlTimeMs: Date.now(), limitMs };
    const { conditions } = await checkHost(order, { clock: { now }, signal: new AbortController().signal });
    return failedOf(conditions);
  };

  await t.test('all is well, from control and on the host: one line each', async (t) => {
    const told = await world.task('check', ['db1']);
    t.equal(told.exitCode, 2, 'what the contractor lets through');
    t.equal(told.stderr, '');
    const lines = told.stdout.trimEnd().split('\n');
    for (const line of lines) t.match(line, /^(OK {9}|FAILED {5} ?|NOT TRIED {2}| {11}hint: |db1: )\S/);
    t.match(told.stdout, /^OK {9}control reaches it by SSH.* \(127\.0\.0\.1 port \d+, as \w+\)$/m);
    t.match(
      told.stdout,
      /^FAILED {5}offsite contractor: it cannot leave its folder \(.*\)\n {11}hint: sshd_config.*Chroot/m,
    );
    t.match(lines.at(-1), /^db1: 2 of 3\d conditions FAILED$/);
    const here = await agent('check');
    t.equal(here.exitCode, 2, here.stderr);
    t.match(here.stdout, /^OK {9}the last run is in the store, signed, .* \(.*Z, 0 min ago\)$/m);
    t.match(here.stdout, /^NOT TRIED {2}its clock agrees with that of control/m);
    t.match(here.stdout, /^db1: 2 of \d\d conditions FAILED, 2 not tried$/m);
    t.strictSame([...(await failing()).keys()], []);
  });

  await t.test('--nagios is one line with numbers, and --json has all of it', async (t) => {
    const nagios = await agent('check', '--nagios');
    t.equal(nagios.exitCode, 1);
    t.match(
      nagios.stdout,
      /^WARNING - db1: offsite contractor: no shell .*\); offsite contractor: it cannot .*\) \| 'failed'=2 'store_free'=\d+B 'export_free'=\d+B 'age'=\d+s 'owed'=0\n$/,
    );
    const json = await world.task('check', ['--all', '--json']);
    t.match(eventsOf(json).at(-1), { event: 'result', exitCode: 2, data: { hosts: [{ host: 'db1' }] } });
    for (const [words, inventory, exitCode, message] of [
      [['db7', '--nagios'], undefined, 3, /^UNKNOWN - cannot find the host "db7" \(.*\)\n$/],
      [['--nagios', '--timeout', 'x'], undefined, 3, /^UNKNOWN - cannot read --timeout/],
      [['--nagios', '--wat'], undefined, 3, /^UNKNOWN - cannot read the command line: unknown option '--wat'/],
      [['--nagios', '--json'], undefined, 3, /^UNKNOWN - cannot tell it in two forms/],
      [['--nagios'], '/nonexistent', 3, /^UNKNOWN - cannot read the inventory/],
    ] as const) {
      const ended = await world.task('check', words, inventory === undefined ? {} : { inventory });
      t.equal(ended.exitCode, exitCode, words.join(' '));
      t.match(ended.stdout, message);
      t.equal(ended.stderr, '');
    }
  });

  await t.test('files and keys: a wrong recipient, a signing key that others can read, no cron entry', async (t) => {
    const keep = world.at('kept');
    await makeFolder(keep);
    cpSync(world.at('host'), keep, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
    writeFileSync(world.at('host/.dec/escrow.pem'), readFileSync(world.at('host/.dec/company.pem')));
    chmodSync(world.at('host/var/lib/coffre/signing/id_ed25519'), 0o644);
    rmSync(world.at('host/etc/coffre/offsite_ed25519'));
    writeFileSync(world.at('host/etc/coffre/allowed_signers'), '');
    const hasCron = /kind: cron/.test(readFileSync(world.at('inventory/hosts/db1.yaml'), 'utf8'));
    if (hasCron) rmSync(world.at('host/etc/cron.d/coffre'));
    const failed = await failing();
    t.match(failed.get('recipient escrow'), { code: 'inventory', detail: /escrow\.pem differs: it has public key/ });
    t.match(failed.get('key id_ed25519'), { code: 'refused', detail: /it has mode 0?644/ });
    t.match(failed.get('key offsite_ed25519'), { detail: /^there is none at / });
    t.match(failed.get('allowed_signers'), { severity: 'warning', hint: /provision\.ts db1$/ });
    if (hasCron) t.match(failed.get('schedule'), { detail: /cron\.d\/coffre: there is none$/ });
    t.match(failed.get('offsite contractor'), { check: 'offsite contractor login', code: 'offsite-unreachable' });
    const there = await agent('check', '--nagios');
    t.equal(there.exitCode, 2, 'its backups would fail at the same');
    t.match(there.stdout, /^CRITICAL - cannot seal for escrow/);
    rmSync(world.at('host'), { recursive: true });
    renameSync(keep, world.at('host'));
    t.strictSame([...(await failing()).keys()], []);
  });

  await t.test('places: the store not mounted, or gone, no export, an offsite whose folder is open', async (t) => {
    const mounts = await failing((host) => {
      host.store.mount = 'fuse.glusterfs';
    });
    t.match(mounts.get('store'), { code: 'refused', detail: /no fuse\.glusterfs there/, hint: /mount/ });
    t.notOk(mounts.has('space'), 'it is not tried');
    t.match(mounts.get('last-run'), { code: 'refused' }, 'below it nothing is said to be absent');
    renameSync(world.at('host/mnt/data/mysqldata'), world.at('elsewhere'));
    renameSync(world.at('host/export'), world.at('no-export'));
    const gone = await failing();
    t.match(gone.get('store'), { code: 'store-unreachable', detail: /there is no such folder/ });
    t.match(gone.get('export'), { severity: 'warning', detail: /there is no such folder/ });
    renameSync(world.at('no-export'), world.at('host/export'));
    renameSync(world.at('elsewhere'), world.at('host/mnt/data/mysqldata'));
    chmodSync(world.at('contractor/backups/db1'), 0o755);
    const full = await failing((host) => {
      host.store.reserve = { runs: 1, factor: 100 };
      host.offsite[0].path = world.at('contractor/backups/db1');
    });
    t.match(full.get('offsite contractor'), {
      check: 'offsite contractor closed',
      severity: 'warning',
      detail: /^its mode is 0755/,
      hint: /chmod 0700/,
    });
    chmodSync(world.at('contractor/backups/db1'), 0o700);
  });

  await t.test('the database: an account that lost a grant, and a server that hangs', async (t) => {
    await loadSql(world.server.root, "REVOKE EVENT ON *.* FROM 'nightly'@'localhost';\n");
    const poor = await failing();
    t.match(poor.get('grants'), { code: 'account-lacks-privilege', detail: /EVENT/, hint: /provision/ });
    await loadSql(world.server.root, "GRANT EVENT ON *.* TO 'nightly'@'localhost';\n");
    process.kill(world.server.pid, 'SIGSTOP');
    process.kill(world.contractor.pid, 'SIGSTOP');
    const from = performance.now();
    const hung = await failing(undefined, { limitMs: 2000 });
    t.ok(performance.now() - from < 15_000, 'nothing is waited for longer than its time limit');
    process.kill(world.server.pid, 'SIGCONT');
    process.kill(world.contractor.pid, 'SIGCONT');
    t.match(hung.get('database'), { code: 'database-unreachable', detail: 'no answer within 2 s' });
    t.match(hung.get('offsite contractor'), { code: 'offsite-unreachable' });
    t.strictSame([...hung.keys()], ['database', 'offsite contractor'], 'the others are tried all the same');
  });

  await t.test('what is too old, what is owed, a clock that is wrong, and who cannot be told', async (t) => {
    await makeFolder(world.at('host/var/lib/coffre/owed'));
    const run = '2026-11-22T040000Z';
    const debt = world.at(`host/var/lib/coffre/owed/${run}-contractor.json`);
    writeFileSync(debt, JSON.stringify({ run, offsite: 'contractor' }), { mode: 0o600 });
    writeFileSync(world.at('host/etc/coffre/.env'), 'PING=http://127.0.0.1:2/secret-address\n', { mode: 0o600 });
    const late = await failing(
      (host) => {
        host.timezone = 'Asia/Kolkata';
        host.audit = { kind: 'git', remote: world.at('no-such.git'), branch: 'main' };
        host.notify = [
          { kind: 'healthchecks', url: 'PING' },
          { kind: 'slack', url: 'NOT_THERE' },
          { kind: 'mail', from: 'a@example.net', to: ['b@example.net'], sendmail: '/nonexistent' },
        ];
      },
      { aheadMs: 3 * 86_400_000 },
    );
    rmSync(debt);
    t.match(late.get('last-run'), { code: 'verification-failed', detail: /^the last one is .*Z, 3 days ago$/ });
    t.match(late.get('owed'), { code: 'owed', severity: 'warning', detail: '1 to the offsite contractor' });
    t.match(late.get('clock'), { detail: /72 hours fast/, hint: /timedatectl/ });
    t.match(late.get('zone'), { severity: 'warning', detail: /Asia\/Kolkata/ });
    t.match(late.get('audit'), { detail: /no-such\.git/ });
    t.match(late.get('notify healthchecks'), { detail: 'cannot reach its server: no connection (ECONNREFUSED)' });
    t.match(late.get('notify slack'), { detail: /NOT_THERE/, hint: /add a line/ });
    t.match(late.get('notify mail'), { detail: 'cannot run /nonexistent' });
    t.notMatch(JSON.stringify([...late]), /secret-address/);
  });

  await t.test('from control: what is on record, and a host that does not answer', async (t) => {
    const inventory = await readInventory(world.inventoryFolder);
    const shelf = releaseShelf();
    const ask = async (edit: (host: AnyYaml) => AnyYaml, aheadMs = 0) => {
      const [host] = inventory.hosts.values();
      const asked = edit(structuredClone(host));
      const [checked] = await check(
        [asked],
        { limitMs: 10_000, parallel: 1, here: false, repository: undefined },
        {
          inventory: { ...inventory, hosts: new Map([[asked.name, asked]]) },
          login: operatorLogin(undefined, undefined),
          releases: () => shelf,
          clock: { now: () => new Date(Date.now() + aheadMs) },
          signal: new AbortController().signal,
        },
      );
      assert.ok(checked);
      return checked;
    };
    const away = await ask((host) => ({ ...host, ssh: { ...host.ssh, port: 1 } }));
    t.strictSame([...failedOf(away.conditions).keys()], ['reach']);
    t.match(away.conditions, [
      { code: 'host-unreachable' },
      { check: 'host', outcome: 'untried' },
      { check: 'record' },
    ]);
    t.equal(checkReport([away]).exitCode, 7);
    const old = await ask((host) => ({ ...host, drill: { maxAgeDays: 1 } }), 5 * 86_400_000);
    const failed = failedOf(old.conditions);
    t.match(failed.get('record'), { code: 'verification-failed', detail: /^the last one is .*, 5 days ago$/ });
    t.match(failed.get('drill'), { code: 'drill-failed', detail: 'none has ever proven it' });
    t.match(failed.get('clock'), { detail: /slow/ });
    renameSync(world.at('audit.git'), world.at('moved.git'));
    const unread = failedOf((await ask((host) => host)).conditions);
    t.strictSame([...unread.keys()], ['audit', 'record', 'drill', 'findings']);
    renameSync(world.at('moved.git'), world.at('audit.git'));
  });
});

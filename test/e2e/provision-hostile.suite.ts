import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import t, { type Test } from 'tap';
import { parse } from 'yaml';
import { loadSql } from '../../lib/database/load-sql.ts';
import { quoteString } from '../../lib/database/sql-text.ts';
import { converge } from '../../lib/flow/converge.ts';
import { sliceOf } from '../../lib/flow/slice-of.ts';
import { parseCronTable } from '../../lib/host/cron-table.ts';
import { readInventory } from '../../lib/inventory/read.ts';
import type { ConvergeOrder } from '../../lib/model/converge-order.ts';
import { systemClock } from '../../lib/system/clock.ts';
import { run } from '../../lib/system/command.ts';
import { folderOfProgramsWithout } from '../fixture/programs.ts';
import { type AnyYaml, provisionedWorld, whyNoProvisioning } from '../fixture/provisioned-world.ts';

/*
 * What an inventory can say to hurt a host, and what a host can have that is not ours: carried through exactly, or refused
 * before the first change.
 */

t.setTimeout(300_000);
const ODD = 'we\'ird $(touch pwned) `touch pwned` 100% "q" \\n\\\' ; & | * ü %s #';

t.test('hostile inventories and hosts that are not as they should be', { skip: whyNoProvisioning() }, async (t) => {
  const world = await provisionedWorld(t);
  const file = world.at('inventory/hosts/db1.yaml');
  const good = await readFile(file, 'utf8');
  const withHost = async <T>(edit: (host: AnyYaml) => void, act: () => Promise<T>): Promise<T> => {
    await world.change(edit);
    try {
      return await act();
    } finally {
      await writeFile(file, good);
    }
  };
  const order = async (more: Partial<ConvergeOrder> = {}): Promise<ConvergeOrder> => {
    const inventory = await readInventory(world.inventoryFolder);
    const [host] = [...inventory.hosts.values()];
    assert.ok(host);
    const base = { desired: 'present', apply: false, accountOrder: null, farEnds: false, otherFolders: {} } as const;
    return { slice: sliceOf(host, inventory), ...base, controlTimeMs: Date.now(), ...more };
  };
  const here = { release: undefined, clock: systemClock, emit: () => undefined, signal: new AbortController().signal };

  await t.test('values that no host could carry are findings of the inventory, each with its path', async (t) => {
    for (const [path, value] of [
      ['ssh.user', '$(id)'],
      ['ssh.user', '-oProxyCommand=id'],
      ['ssh.address', 'db1;id'],
      ['ssh.address', '-oProxyCommand=id'],
      ['ssh.hostKey', 'ssh-ed25519 AAAA\nevil'],
      ['agent.path', 'opt/coffre'],
      ['agent.path', '/opt/coffre\n* * * * * root id'],
      ['agent.path', '/opt/\\coffre'],
      ['settings.path', '/etc/\0coffre'],
      ['state.path', '/etc/coffre/state\n'],
      ['scheduler.cronFile', '/etc/cron.d/co\nffre'],
      ['schedule', '0 4 * * *\n* * * * * root id'],
      ['schedule', '0 4 * * * root id %'],
      ['schedule', '@reboot'],
      ['timezone', 'UTC\nSHELL=/bin/evil'],
      ['database.socket', 'mysqld.sock'],
      ['database.account.user', ''],
      ['database.account.user', 'night\0ly'],
      ['database.account.from', 'local\0host'],
      ['database.account.user', 'x'.repeat(129)],
      ['audit.branch', '--upload-pack=id'],
      ['audit.branch', 'a b'],
      ['audit.branch', 'main$(id)'],
      ['audit.branch', 'a..b'],
      ['audit.branch', 'main.lock'],
      ['audit.branch', 'a//b'],
      ['audit.remote', 'ext::sh -c id'],
      ['offsite.0.user', 'acme root'],
      ['offsite.0.path', '/backups\n/x'],
    ]) {
      const told = await withHost(
        (host) => {
          const steps = (path ?? '').split('.');
          const last = steps.pop() ?? '';
          steps.reduce((part, step) => {
            part[step] ??= {};
            return part[step];
          }, host)[last] = value;
        },
        () => readInventory(world.inventoryFolder).catch((error: unknown) => error),
      );
      t.match(told, { code: 'inventory', findings: { length: Number } }, `${path}: ${JSON.stringify(value)}`);
      const { findings = [] } = told as { findings?: readonly string[] };
      const named = (path ?? '').replace('.0', '[0]');
      t.ok(
        findings.some((finding) => finding.includes(named)),
        `${named}: ${findings.join(' ')}`,
      );
    }
  });

  await t.test('all other hostile values reach the shell, SQL, cron and the option file as they are', async (t) => {
    const user = 'o\'night"ly \\ `id` $(id) %_ # ü\n[client]\nuser=root';
    const from = '%';
    const at = (...names: string[]) => world.at('host', ODD, ...names);
    const opt = world.at('host', `opt ${ODD.replaceAll('\\', '')}`);
    await withHost(
      (host) => {
        host.database.account = { user, from };
        host.database.optionFile = at('etc/my.cnf');
        host.settings.path = at('etc');
        host.agent.path = opt;
        host.state.path = at('state');
        host.keys.path = at('keys');
        host.store.path = at('store');
        host.export.path = at('export');
        host.secrets.path = at('etc/.env');
        host.scheduler.cronFile = at('cron.d/coffre');
        host.offsite = [];
      },
      async () => {
        const made = await world.converge();
        t.match(made, { ok: true }, JSON.stringify(made));
        t.match(await world.converge(), { ok: true, converged: { applied: { length: 0 } } }, 'nothing the second time');
        const { stdout } = await run('mariadb', [
          `--defaults-file=${world.at('admin.cnf')}`,
          ...['--skip-column-names', '--raw', '--execute'],
          `SELECT COUNT(*) FROM mysql.user WHERE user = ${quoteString(user)} AND host = ${quoteString(from)}`,
        ]);
        t.equal(stdout, '1\n', 'the account has exactly that name');
        const slice = parse(readFileSync(at('etc/host.yaml'), 'utf8'));
        t.match(slice, { database: { account: { user, from } }, agent: { path: opt } });
        await assertBacksUp(t, at);
        t.match(await world.converge({ desired: 'absent' }), { ok: true });
        t.notOk(existsSync(opt));
      },
    );
    const everywhere = [world.folder, '/var/tmp', process.cwd(), '/'].flatMap((folder) => readdirSync(folder));
    t.notOk(everywhere.includes('pwned'), 'nothing was carried out');
    t.notOk((readdirSync(world.at('host'), { recursive: true }) as string[]).some((name) => name.endsWith('/pwned')));
    rmSync(world.at('host'), { recursive: true });
  });

  await t.test('what is not ours stays as it is, and all obstacles are told before the first change', async (t) => {
    rmSync(world.at('inventory/signers'), { recursive: true, force: true }); // of hosts that are gone by now
    await loadSql(world.server.root, "CREATE USER nightly@localhost IDENTIFIED BY 'their own';\n");
    mkdirSync(world.at('host/etc/coffre/host.yaml'), { recursive: true });
    const before = world.listing();
    const outcome = await world.converge();
    t.match(outcome, { ok: false, error: { exitCode: 8, code: 'refused', message: /2 obstacles/ } });
    const findings = outcome.ok ? [] : outcome.error.findings.join('\n');
    t.match(findings, /host\.yaml: what is there is no file/);
    t.match(findings, /'nightly'@'localhost': it was not made by this host/);
    t.strictSame(world.listing(), before);
    rmSync(world.at('host'), { recursive: true });
    await loadSql(world.server.root, 'DROP USER nightly@localhost;\n');
  });

  await t.test('another key may sign for the host already: nothing is changed until somebody says so', async (t) => {
    const signers = world.at('inventory/signers/allowed_signers');
    const other = readFileSync(world.at('contractor/sshd/host_ed25519.pub'), 'utf8').split(' ').slice(0, 2).join(' ');
    const text = `db1 namespaces="coffre-manifest" ${other}`;
    mkdirSync(world.at('inventory/signers'), { recursive: true });
    writeFileSync(signers, `${text}\n`);
    const before = world.listing();
    const refused = { ok: false, error: { exitCode: 8, code: 'refused', hint: /retired/ } };
    t.match(await world.converge(), refused, 'the host was made anew, or its state is elsewhere');
    t.strictSame(world.listing(), before);

    writeFileSync(signers, `${text} retired\n`);
    t.match(await world.converge(), { ok: true, signer: 'added' });
    const [first, second = ''] = readFileSync(signers, 'utf8').split('\n');
    t.equal(first, `${text} retired`, 'the old line stays, for its old manifests');

    writeFileSync(signers, `${text}\n`);
    const outcome = await world.converge();
    t.match(outcome, { ...refused, error: { ...refused.error, message: /another signing key than/ } });
    t.ok(!outcome.ok && outcome.error.hint?.includes(second), 'the line of its key is told');
    t.equal(readFileSync(signers, 'utf8'), `${text}\n`);
    writeFileSync(signers, `${second}\n`);
    t.match(await world.converge(), { ok: true, signer: 'present' });
  });

  await t.test('a clock that is an hour off, and another time zone, are told', async (t) => {
    const slow = await converge(await order({ controlTimeMs: Date.now() + 3_600_000 }), here);
    t.match(slow.remarks[0], { text: /the clock of the host is 60 minutes slow/, hint: /timedatectl/ });
    const zone = await withHost(
      (host) => {
        host.timezone = 'Asia/Kathmandu';
      },
      async () => converge(await order(), here),
    );
    t.match(zone.remarks[0], { text: /Asia\/Kathmandu, and the host's own is/, hint: /timezone: / });
  });

  await t.test('a program that is missing is named with its package', async (t) => {
    const path = process.env.PATH ?? '';
    process.env.PATH = await folderOfProgramsWithout(world.at('programs'), 'mariadb-dump');
    t.teardown(() => {
      process.env.PATH = path;
    });
    await t.rejects(converge(await order(), here), {
      code: 'program-missing',
      message: /mariadb-dump/,
      hint: /apt-get install --no-install-recommends mariadb-client;.*agent\.installPackages/,
    });
  });

  const notRoot = process.getuid?.() === 0 ? 'nothing is read-only to root' : false;
  await t.test('a folder in which this user may not write is refused', { skip: notRoot }, async (t) => {
    const outcome = await withHost(
      (host) => {
        host.agent.path = '/usr/coffre-agent';
      },
      () => world.converge(),
    );
    t.match(outcome, { ok: false, error: { exitCode: 8, code: 'refused', message: /sudo asks for a password/ } });
    const settings = await withHost(
      (host) => {
        host.settings.path = '/usr/coffre-settings';
      },
      () => world.converge(),
    );
    t.match(settings, { ok: false, error: { exitCode: 4, code: 'write-failed', message: /permission denied/ } });
  });

  await t.test('the database is down: told, with nothing changed', async (t) => {
    await world.server.stop();
    const before = world.listing();
    const outcome = await world.converge();
    t.match(outcome, { ok: false, error: { exitCode: 7, code: 'database-unreachable', hint: String } });
    t.strictSame(world.listing(), before);
  });
});

/** The line of the cron file, as cron runs it. */
async function assertBacksUp(t: Test, at: (...names: string[]) => string): Promise<void> {
  if (!existsSync(at('cron.d/coffre'))) {
    t.pass('there is no cron here');
    return;
  }
  const table = parseCronTable(readFileSync(at('cron.d/coffre'), 'utf8'));
  t.strictSame(table.faults, []);
  const { environment = {}, command = '' } = table.entries[0] ?? {};
  const variables = Object.entries({ HOME: '/', ...environment }).map((pair) => pair.join('='));
  const ran = await run('/usr/bin/env', ['-i', ...variables, '/bin/sh', '-c', command], {
    cwd: '/',
    timeoutMs: 60_000,
  });
  t.equal(ran.exitCode, 0, ran.stdout + ran.stderr);
  t.equal(readdirSync(at('store')).length, 1, 'a run is in the store');
}

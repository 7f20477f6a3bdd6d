import { cpSync, existsSync, readdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { readCronCommand } from '../../lib/host/cron-command.ts';
import { parseCronTable } from '../../lib/host/cron-table.ts';
import { formatProvision, provisionData } from '../../lib/report/provision-result.ts';
import { run } from '../../lib/system/command.ts';
import { type ProcessWatch, watchProcesses } from '../fixture/process-watch.ts';
import { provisionedWorld, whyNoProvisioning } from '../fixture/provisioned-world.ts';
import { eventsOf } from '../fixture/task.ts';

/*
 * A bare host is provisioned over a real sshd, backs itself up as cron would have it, drifts, is mended, and is taken away
 * again. Host and control are one machine; whoever runs the test logs in as itself.
 */

t.setTimeout(300_000);
const skip = whyNoProvisioning();

t.test('a host from bare to backups, and back', { skip }, async (t) => {
  const world = await provisionedWorld(t);
  const kindsOf = (changes: readonly { kind: string }[]) => [...new Set(changes.map(({ kind }) => kind))];
  const hasCron = parseKind(readFileSync(world.at('inventory/hosts/db1.yaml'), 'utf8')) === 'cron';

  await t.test('a dry run tells all that is to be made, and leaves no trace', async (t) => {
    const before = world.listing();
    const dry = await world.provision(['db1', '--dry-run']);
    t.equal(dry.exitCode, 0, dry.stderr);
    t.match(dry.stdout, /^db1 {3}1[45] changes to make {2}/m);
    for (const line of [
      `  + folder ${world.at('host/etc/coffre')}`,
      `  + key ${world.at('host/etc/coffre/offsite_ed25519')}`,
      "  + account 'nightly'@'localhost'",
      '      +password = (a random one, made on this host)',
      '      +    user: nightly',
    ]) {
      t.ok(dry.stderr.includes(`${line}\n`), line);
    }
    t.strictSame(world.listing(), before);
    t.strictSame(await world.uploads(), []);
  });

  await t.test('it is made; every line of --json is an event, and no secret is told or seen', async (t) => {
    let watch: ProcessWatch | undefined;
    const ended = await world.provision(['db1', '--json'], {
      onEvent: () => {
        // What the agent runs is a child of sshd.
        watch ??= watchProcesses(world.sshd.pid, 50);
      },
    });
    const { commands = [], environments = [] } = watch?.end() ?? {};
    t.equal(ended.exitCode, 0, ended.stdout + ended.stderr);
    t.equal(ended.stderr, '');
    const events = eventsOf(ended);
    t.ok(events.every(({ event }) => typeof event === 'string'));
    t.strictSame([...new Set(events.map(({ event }) => event))], ['phase-started', 'phase-ended', 'plan', 'result']);
    const { data } = events.at(-1) as unknown as { data: { hosts: [{ plan: { changes: { kind: string }[] } }] } };
    t.match(data, { exitCode: 0, hosts: [{ host: 'db1', ok: true, signer: 'added', error: undefined }] });
    const made = ['folder', 'release', 'key', 'file', 'option-file', 'account', ...(hasCron ? ['cron-entry'] : [])];
    t.strictSame(kindsOf(data.hosts[0].plan.changes), made);
    t.match(JSON.stringify(data), /RELOAD: a backup stage was begun and ended/);

    const [password = ''] = world.secrets();
    t.equal(password.length, 43, '256 random bits');
    const { stdout: hash } = await run('mariadb', [
      `--defaults-file=${world.at('admin.cnf')}`,
      ...['--skip-column-names', '--execute', "SELECT authentication_string FROM mysql.user WHERE user = 'nightly'"],
    ]);
    t.match(hash, /^\*[0-9A-F]{40}\n$/);
    const told = [ended.stdout, ...commands, ...environments];
    t.ok(
      told.some((text) => text.includes('coffre\0converge') || text.includes('converge.mjs')),
      'the agent was seen',
    );
    t.ok(
      told.some((text) => text.includes('mariadb\0')),
      'and what it runs',
    );
    for (const secret of [password, hash.trim()]) t.notOk(told.some((text) => text.includes(secret)));
    t.notOk(readFileSync(world.at('sshd/sshd.log'), 'utf8').includes(password));
    const mode = world.listing().get('host/etc/coffre/my.cnf')?.split(' ')[0];
    t.equal(mode, '100600');
    t.strictSame(await world.uploads(), []);
  });

  await t.test('the contractor is asked to let the new key in, and the second run has nothing to change', async (t) => {
    const before = world.listing();
    const again = await world.converge({ lookAround: true });
    t.match(again as object, { ok: true, converged: { applied: { length: 0 } }, signer: 'present', farChanges: [] });
    const data = provisionData([again], { check: false, applied: true });
    t.equal(data.exitCode, 7, 'the key has been there for a while, and no copy can arrive');
    const text = formatProvision(data, world.inventoryFolder);
    t.match(
      text,
      /^db1 {3}nothing to change, but offsite contractor: cannot reach .*: it does not accept the key {2}/m,
    );
    t.match(text, /^FAILED {5}it accepts the host's own key/m);
    t.strictSame(world.listing(), before);
    await world.letIn();
    t.match(readFileSync(world.at('inventory/signers/allowed_signers'), 'utf8'), /^db1 namespaces=/);
  });

  await t.test('drift: --check says so with exit code 2, and shows it; the next run mends it', async (t) => {
    const slice = world.at('host/etc/coffre/host.yaml');
    const before = await onRecord();
    t.strictSame(before, ['provision'], 'what was made is on record, and the run that changed nothing is not');
    writeFileSync(slice, readFileSync(slice, 'utf8').replace('0 4 * * *', '0 5 * * *'));
    writeFileSync(world.at('host/.dec/escrow.pem'), readFileSync(world.at('host/.dec/company.pem')));
    const backup = await agent(['backup', '--inventory', world.at('host/etc/coffre')]);
    t.equal(backup.exitCode, 2);
    t.match(
      backup.stderr,
      /escrow\.pem: it is another key than the inventory has.*\nhint: .*from control: npx zx tasks\/provision\.ts/,
    );
    const drifted = await world.provision(['db1', '--check']);
    t.equal(drifted.exitCode, 2, drifted.stderr);
    t.match(drifted.stdout, /^db1 {3}2 changes to make/m);
    t.match(drifted.stderr, /^ {6}-schedule: 0 5 \* \* \*\n {6}\+schedule: 0 4 \* \* \*$/m);
    t.match(drifted.stderr, /^ {2}~ file .*escrow\.pem\n {6}-public key /m);
    t.ok(readFileSync(slice, 'utf8').includes('0 5 * * *'), 'it only looks');
    t.strictSame(await onRecord(), before, 'and puts nothing on record');
    t.match((await world.converge()) as object, { ok: true, converged: { applied: { length: 2 } } });
    t.strictSame(await onRecord(), [...before, 'provision']);
    const mended = await world.provision(['db1', '--check']);
    t.equal(mended.exitCode, 0, mended.stdout);
    t.notMatch(mended.stdout, /accepts the host's own key/, 'the contractor lets it in by now');
  });

  await t.test("cron's own line takes a backup that validates", { skip: !hasCron && 'there is no cron' }, async (t) => {
    const table = parseCronTable(readFileSync(world.at('host/etc/cron.d/coffre'), 'utf8'));
    t.strictSame(table.faults, []);
    const [entry] = table.entries;
    const { environment = {}, command = '', schedule } = entry ?? {};
    t.equal(schedule, '0 4 * * *');
    const variables = Object.entries({ HOME: '/', LOGNAME: world.sshd.user, ...environment });
    const words = ['-i', ...variables.map((pair) => pair.join('=')), environment.SHELL ?? '', '-c'];
    const ran = await run('/usr/bin/env', [...words, readCronCommand(command).script], { cwd: '/', timeoutMs: 60_000 });
    t.equal(ran.exitCode, 0, ran.stdout + ran.stderr);
    t.match(ran.stdout, /succeeded in/);
    t.equal(readdirSync(world.at('contractor/backups/db1')).filter((name) => /Z$/.test(name)).length, 1);
    const byTask = await world.task('verify', ['db1', '--publish']);
    t.equal(byTask.exitCode, 0, byTask.stdout + byTask.stderr);
    const verified = await agent(['verify', '--publish', '--inventory', world.at('host/etc/coffre')]);
    t.equal(verified.exitCode, 0, verified.stdout + verified.stderr);
    t.strictSame((await onRecord()).filter((kind) => kind === 'verify').length, 2);
    const listed = await world.task('list', ['db1', '--from', 'audit']);
    t.match(listed.stdout, /Z +verify .* succeeded .* 3 whole, every byte$/m);
    t.match(listed.stdout, /Z +provision .* create 5 folder, /m);
    const validated = await world.task('validate', []);
    t.equal(validated.exitCode, 0, validated.stdout);
    t.match(validated.stdout, /^valid: 1 manifest, 2 of provision and 2 of verify at /m);
  });

  await t.test('a rollback goes back to the release before, and needs one', async (t) => {
    const none = await world.converge({ desired: 'previous-release' });
    t.match(none as object, { ok: false, error: { code: 'not-found', hint: /at control: git checkout/ } });

    const current = readlinkSync(world.at('host/opt/coffre/current'));
    const former = '0.0.9-00000000';
    const described = world.at('host/opt/coffre', former, 'release.json');
    cpSync(world.at('host/opt/coffre', current), world.at('host/opt/coffre', former), {
      recursive: true,
      verbatimSymlinks: true,
    });
    writeFileSync(described, readFileSync(described, 'utf8').replace(current, former));
    symlinkSync(former, world.at('host/opt/coffre/previous'));
    const back = await world.converge({ desired: 'previous-release' });
    t.match(back as object, { ok: true, converged: { applied: [{ kind: 'release' }] } }, JSON.stringify(back));
    t.equal(readlinkSync(world.at('host/opt/coffre/current')), former);
    t.equal((await agent(['--version'])).exitCode, 0, 'the agent runs');
    const forth = await world.converge();
    t.match(forth as object, { ok: true, converged: { applied: [{ kind: 'release' }] } });
    t.equal(readlinkSync(world.at('host/opt/coffre/current')), current);
    t.equal(readlinkSync(world.at('host/opt/coffre/previous')), former);
  });

  await t.test('--remove takes all away but the backups, and the host can come back', async (t) => {
    const runs = () => readdirSync(world.at('host/mnt/data/mysqldata'));
    const before = runs();
    await world.change((host) => {
      host.names = 'hashed';
    });
    const hashing = await world.converge();
    t.match(hashing as object, { ok: true, converged: { applied: [{ kind: 'key' }, { kind: 'file' }] } });
    const namesKey = readFileSync(world.at('host/etc/coffre/names.key'), 'utf8');
    t.match(namesKey, /^[0-9a-f]{64}\n$/);
    const removed = await world.converge({ desired: 'absent' });
    const text = formatProvision(provisionData([removed], { check: false, applied: true }), world.inventoryFolder);
    t.match(text, /^db1 {3}\d+ changes made {2}/m);
    t.strictSame(runs(), before);
    for (const name of ['opt/coffre', 'etc/cron.d/coffre', 'etc/coffre/my.cnf', 'etc/coffre/host.yaml'])
      t.notOk(existsSync(world.at('host', name)), name);
    t.ok(existsSync(world.at('host/var/lib/coffre/signing/id_ed25519')), 'its place in the chain stays');
    t.match(text, /var\/lib\/coffre stays/);
    const back = await world.converge();
    t.match(back as object, { ok: true, signer: 'present' });
    t.equal(readFileSync(world.at('host/etc/coffre/names.key'), 'utf8'), namesKey, 'names keep their hashes');
    t.strictSame(runs(), before);
  });

  await t.test('a wrong command line is told before anything is done', async (t) => {
    await world.change((host) => {
      host.ssh.port = 1; // nobody answers there
    });
    for (const [words, message] of [
      [['db1', '--check', '--remove'], /cannot do --check and --remove at once/],
      [['db1', '--parallel', '0'], /--parallel: a number from 1 to 64/],
      [['db7'], /cannot find the host "db7"/],
      [['--all', 'db1'], /both --all and names/],
    ] as const) {
      const ended = await world.provision(words);
      t.equal(ended.exitCode, 2, words.join(' '));
      t.match(ended.stderr + ended.stdout, message);
      t.match(ended.stderr + ended.stdout, /hint: /);
    }
  });

  /** The kinds of the records that are published, in the order of their times. */
  async function onRecord(): Promise<string[]> {
    const listed = await run('git', ['-C', world.at('audit.git'), 'ls-tree', '-r', '--name-only', 'main']);
    return [...listed.stdout.matchAll(/Z(?:-(.+))?\.json$/gm)].map(([, kind = 'backup']) => kind);
  }

  /** As cron or a person starts it on the host. */
  function agent(words: readonly string[]) {
    const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
    const launcher = world.at('host/opt/coffre/current/coffre');
    return run('/usr/bin/env', ['-i', `PATH=${path}`, launcher, ...words], { cwd: '/', timeoutMs: 60_000 });
  }
});

function parseKind(yaml: string): string | undefined {
  return /scheduler:\n {2}kind: (\w+)/.exec(yaml)?.[1];
}

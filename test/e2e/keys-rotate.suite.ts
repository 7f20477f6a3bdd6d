import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import t from 'tap';
import { run } from '../../lib/system/command.ts';
import { runGit } from '../../lib/system/git.ts';
import { type ProvisionedWorld, provisionedWorld, whyNoProvisioning } from '../fixture/provisioned-world.ts';
import { worldKeys } from '../fixture/world.ts';

/*
 * A recipient gets a new key: the host is converged over a real sshd, and backs itself up before and behind that. The older run
 * opens with the older key, the newer one with the newer, and whoever takes the wrong one is told which is which.
 */

t.setTimeout(300_000);

t.test('a key that is rotated', { skip: whyNoProvisioning() }, async (t) => {
  const world = await provisionedWorld(t);
  const keys = await worldKeys();
  await mkdir(world.at('keys'));
  for (const name of ['company', 'escrow'] as const) {
    writeFileSync(world.at(`inventory/recipients/${name}.pem`), keys[name].publicKey);
    writeFileSync(world.at(`keys/${name}.pem`), keys[name].privateKey, { mode: 0o600 });
  }
  t.match(await world.converge(), { ok: true });
  await world.letIn();
  const older = await backup(world);
  const [former, fresh] = [world.at('keys/company.pem'), world.at('keys/company-new.pem')];
  const secret = { input: `${keys.passphrase}\n` };
  const withKey = (path: string) => ['--private-key', path, '--passphrase-fd', '0'];
  const warnings = async () => {
    const { exitCode, stdout, stderr } = await world.task('validate', []);
    t.equal(exitCode, 0, stdout + stderr);
    return (stdout + stderr).split('\n').filter((line) => /newest good run/.test(line));
  };
  t.strictSame(await warnings(), []);

  await t.test('is a new one in the inventory, and the hosts are named that have to be converged', async (t) => {
    const { exitCode, stdout, stderr } = await world.task('keys', ['rotate', 'company', ...withKey(fresh)], secret);
    t.equal(exitCode, 0, stderr);
    t.match(stdout, /^ {2}npx zx tasks\/provision\.ts db1$/m);
    t.match(stdout, /^former key: {3}.*recipients\/retired\/company-[0-9a-f]{16}\.pem/m);
    t.match((await world.task('keys', ['list'])).stdout, /^company +4096 +db1 .*\ncompany +4096 +\(had before\)/m);
    t.match(await warnings(), [/sealed for the key that was rotated away of company,/], 'told, and no error');
  });

  await t.test('is on the host and on record once that is converged', async (t) => {
    t.equal((await world.provision(['db1', '--check'])).exitCode, 2, 'it is drift');
    t.match(await world.converge(), { ok: true });
    t.equal(
      readFileSync(world.at('host/.dec/company.pem'), 'utf8'),
      readFileSync(world.at('inventory/recipients/company.pem'), 'utf8'),
    );
    const names = await runGit(['ls-tree', '-r', '--name-only', 'main'], { cwd: world.at('audit.git') });
    const [path = ''] = names.split('\n').filter((name) => name.endsWith('-key-rotation.json'));
    const record = JSON.parse(await runGit(['show', `main:${path}`], { cwd: world.at('audit.git') }));
    t.match(record, { of: 'recipients', added: [{ name: 'company' }], removed: [{ name: 'company' }] });
  });

  const newer = await backup(world);
  t.strictSame(await warnings(), []);

  await t.test('opens the newer run, the former one the older, and neither the other', async (t) => {
    const test = (path: string, id: string) =>
      world.task('keys', ['test', 'db1', '--run', id, ...withKey(path)], secret);
    t.match(await test(fresh, newer), { exitCode: 0, stdout: new RegExp(`${newer} .* company +opens`) });
    t.match(await test(former, older), { exitCode: 0, stdout: /runs from now on are not sealed for this one/ });
    t.match(await test(fresh, older), {
      exitCode: 8,
      stdout: /it is the one that company has now, and the run was sealed for the one before it \([0-9a-f]{16}…\)/,
    });
    t.match(await test(former, newer), {
      exitCode: 8,
      stdout: /it is one that company had before, and the run was sealed for another one of company/,
    });
    t.match(await test(world.at('keys/escrow.pem'), older), { exitCode: 0 });
    t.match(await test(world.at('keys/escrow.pem'), newer), { exitCode: 0 });
  });

  await t.test('restores what it opens, and tells in plain words where it does not', async (t) => {
    const restore = (path: string, id: string) =>
      world.task(
        'restore',
        [
          ...['db1', '--key', path, '--passphrase-fd', '0', '--run', id, '--database', 'shop', '--overwrite', 'shop'],
          ...['--defaults-file', world.at('admin.cnf')],
        ],
        secret,
      );
    for (const [path, id] of [
      [former, older],
      [fresh, newer],
    ] as const) {
      const { exitCode, stdout, stderr } = await restore(path, id);
      t.equal(exitCode, 0, stdout + stderr);
    }
    for (const [path, id, words] of [
      [fresh, older, /it is the one that company has now, and the run was sealed for the one before it/],
      [former, newer, /it is one that company had before/],
    ] as const) {
      const { exitCode, stderr } = await restore(path, id);
      t.equal(exitCode, 8);
      t.match(stderr, words);
    }
  });

  await t.test('a rotation that is done again changes nothing', async (t) => {
    const files = () => readdirSync(world.at('inventory/recipients'), { recursive: true }).sort();
    const before = files();
    const { exitCode, stdout } = await world.task('keys', ['rotate', 'company', ...withKey(fresh)], secret);
    t.equal(exitCode, 0);
    t.match(stdout, /^company has this key already: nothing was changed$/m);
    t.strictSame(files(), before);
    t.strictSame((await world.provision(['db1', '--check'])).exitCode, 0);
  });
});

/** A run as cron would have it, with nothing owed. Its name. */
async function backup(world: ProvisionedWorld): Promise<string> {
  const store = () => readdirSync(world.at('host/mnt/data/mysqldata')).filter((name) => /^\d/.test(name));
  const before = new Set(store());
  const { exitCode, stdout, stderr } = await run(world.at('host/opt/coffre/current/coffre'), [
    'backup',
    ...['--inventory', world.at('host/etc/coffre')],
  ]);
  if (exitCode !== 0) throw new Error(stdout + stderr);
  const [made] = store().filter((name) => !before.has(name));
  if (made === undefined) throw new Error('no run has come');
  return made;
}

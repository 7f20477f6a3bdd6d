import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import t from 'tap';
import { execute } from '../../lib/database/client.ts';
import { optionLine, secretWorld, speakingRemote, writeSecrets } from '../fixture/secret-world.ts';
import { hasLoginShell } from '../login-shell.ts';

/*
 * Secrets that were made for this test, awkward ones, go through nights that fail; afterwards they are looked for, in every
 * form, in all that was said, started and written. `no-secrets.suite.ts` has more such nights.
 */

t.setTimeout(300_000);
const night = await secretWorld(t);
const { world, secret } = night;
const { at } = world;

/** Stands in places on purpose, to prove that it would be found there. */
const canary = randomBytes(20).toString('base64url');
night.learn('canary', canary);
const hex = Buffer.from(canary).toString('hex');

t.test('a night goes well with all these secrets', async (t) => {
  const program = spawn('/bin/sh', ['-c', 'sleep 3; :', `https://${canary}/`], {
    env: { TOKEN: Buffer.from(canary).toString('base64') },
  });
  const ended = await night.run('a good night', 'backup', [], { env: { USER: hex } });
  t.equal(ended.exitCode, 0, ended.stderr + ended.stdout);
  program.kill();
});

t.test('nights that fail, each with a secret in the middle of it', async (t) => {
  // MariaDB's programs repeat the line that they do not know, and so the password.
  for (const [name, line, code] of [
    ['wrong', optionLine('password', `wrong ${secret.replication}`), 7],
    ['mistyped', optionLine('pasword', secret.account), 4],
  ] as const) {
    const optionFile = night.keep(`host/etc/coffre/${name}.cnf`);
    writeFileSync(optionFile, `[client]\nuser = bkpuser\n${line}\n`, { mode: 0o600 });
    const inventory = await night.inventoryWith((host) => {
      host.database.optionFile = optionFile;
    });
    const ended = await night.run(`a ${name} password`, 'backup', ['--json'], { inventory });
    t.equal(ended.exitCode, code, ended.stdout);
  }

  const env = night.keep('host/etc/coffre/wrong.env');
  const wrongPassphrase = `not ${secret.identity}`;
  night.learn('wrong passphrase', wrongPassphrase);
  writeSecrets(env, { OFFSITE_PASSPHRASE: wrongPassphrase, REPLICATION_PASSWORD: secret.replication });
  const gossip = [`https://bot:${secret.token}@git.example.net`, encodeURIComponent(wrongPassphrase)];
  gossip.push(Buffer.from(`x${secret.replication}`).toString('base64'));
  const audit = hasLoginShell() ? await speakingRemote(t, night, `fatal: no ${gossip.join(' ')}`) : undefined;
  const allOwed = await night.inventoryWith((host) => {
    host.secrets = { path: env };
    if (audit !== undefined) host.audit = audit;
  });
  const owed = await night.run('offsite and audit repository refuse', 'backup', ['--json'], { inventory: allOwed });
  t.equal(owed.exitCode, 3, owed.stdout);
  t.match(owed.stdout, /owed: contractor: /);
  if (audit !== undefined)
    t.match(owed.stdout, /owed: publication: .*no https:\/\/\[secret\]@git\.example\.net \[secret\] \S*\[secret\]/);

  const inUrl = await night.inventoryWith((host) => {
    host.audit = { kind: 'git', remote: `https://bot:${secret.token}@git.example.net/audit`, branch: 'main' };
  });
  night.keep(inUrl.slice(world.folder.length + 1));
  const wrong = await night.run('a token in the inventory', 'validate', [], { inventory: inUrl });
  t.equal(wrong.exitCode, 2, wrong.stderr);

  const key = await night.restore('a wrong passphrase of the key', ['--json'], { input: `x${secret.passphrase}\n` });
  t.equal(key.exitCode, 8, key.stdout);

  // What the dump writes of the two amounts is the same.
  const row = await night.restore('a row is refused', ['--database', 'odd', '--as', 'odd_again', '--from', 'store']);
  t.equal(row.exitCode, 4, row.stderr);
  t.match(row.stderr, /cannot load the table `ledger`/);

  await execute(
    world.server.root,
    'CREATE TABLE shop.gone (a INT); CREATE VIEW shop.broken AS SELECT a FROM shop.gone',
  );
  await execute(world.server.root, 'DROP TABLE shop.gone');
  const view = await night.run('a broken view', 'backup', []);
  t.equal(view.exitCode, 4, view.stderr);
});

t.test('no secret stands anywhere, and where one was put on purpose it is found', async (t) => {
  const shifted = Buffer.from(`x${canary}`).toString('base64');
  writeFileSync(at('host/var/lib/coffre/canary'), Buffer.concat([Buffer.from([0xff, 0]), Buffer.from(shifted)]));
  execFileSync('git', ['-C', at('audit.git'), 'hash-object', '-w', '--stdin'], { input: `{"host":"${canary}"}` });
  night.hear('a page', { hint: hex.toUpperCase() });
  const leaks = night.leaks();
  const ofCanary = (leak: string) => / canary \S/.test(leak);
  t.strictSame(
    leaks.filter((leak) => !ofCanary(leak)),
    [],
  );
  for (const expected of [
    /\/host\/var\/lib\/coffre\/canary: canary in base64, shifted by one$/,
    /^objects of .*audit\.git: canary as it is$/,
    /^a page: canary in upper hex$/,
    /^process \/bin\/sh.*: canary as it is$/,
    /^environment .*: canary in base64$/,
    /^program .*: canary in hex$/,
  ])
    t.ok(
      leaks.filter(ofCanary).some((leak) => expected.test(leak.replaceAll('\0', ' '))),
      `${expected}`,
    );
});

import { cp, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { execute, queryLines } from '../../lib/database/client.ts';
import { quoteIdentifier } from '../../lib/database/sql-text.ts';
import { compareContent, readContent } from '../../lib/flow/compare-content.ts';
import { recoverByHand } from '../../lib/flow/recover-by-hand.ts';
import { DatabaseName } from '../../lib/model/names.ts';
import { run } from '../../lib/system/command.ts';
import { findProgram } from '../../lib/system/programs.ts';
import { type BareShell, bareShell, shellBlocks } from '../fixture/bare-shell.ts';
import { EXPORT, OFFSITE, runsAt, STORE } from '../fixture/nothing-half-done.ts';
import { runSql, serverFor } from '../fixture/servers.ts';
import { REPOSITORY, worldFor } from '../fixture/world.ts';
import { temporaryFolder } from '../temporary.ts';

/*
 * The worst day, by the book: RECOVERY.txt of runs and the commands of RECOVERY.md, typed as they stand, on a terminal of a
 * shell that has openssl, tar, gzip or zstd, sha256sum and the mariadb client, into a server that has nothing.
 */

t.setTimeout(600_000);
const world = await worldFor(t);
const ODD = 'odd $(touch x) `d`';
const ACCOUNT = "'shop app'@'localhost'";
await runSql(
  world.server,
  `CREATE DATABASE ${quoteIdentifier(ODD)}; USE ${quoteIdentifier(ODD)};
   SET GLOBAL log_bin_trust_function_creators = 1;
   CREATE TABLE t (id INT PRIMARY KEY, b BLOB, s TEXT); INSERT INTO t VALUES (1, x'00ff1a0d0a', '$(touch x)\\r\\n-- \\\\');
   CREATE VIEW v AS SELECT s FROM t; CREATE FUNCTION f() RETURNS INT RETURN 7;
   CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET NEW.s = CONCAT(NEW.s, '!');
   CREATE EVENT e ON SCHEDULE EVERY 1 YEAR STARTS '2030-01-01' DO DELETE FROM t;
   CREATE USER ${ACCOUNT} IDENTIFIED BY 'demo-only'; GRANT SELECT ON shop.* TO ${ACCOUNT};`,
);
// Views on each other, foreign keys in a circle, and a row that no server takes as it was installed.
await execute(world.server.root, 'SET GLOBAL max_allowed_packet = 1073741824');
await runSql(
  world.server,
  `CREATE DATABASE east; CREATE DATABASE west;
   CREATE TABLE east.t (id INT PRIMARY KEY, w INT); CREATE TABLE west.t (id INT PRIMARY KEY, e INT);
   INSERT INTO east.t VALUES (1, 2); INSERT INTO west.t VALUES (2, 1);
   ALTER TABLE east.t ADD FOREIGN KEY (w) REFERENCES west.t (id); ALTER TABLE west.t ADD FOREIGN KEY (e) REFERENCES east.t (id);
   CREATE VIEW east.a AS SELECT id FROM west.t; CREATE VIEW west.a AS SELECT id FROM east.a;
   CREATE VIEW east.b AS SELECT id FROM west.a; CREATE FUNCTION east.f() RETURNS INT RETURN (SELECT MAX(id) FROM west.a);
   CREATE TABLE west.large (b LONGBLOB); INSERT INTO west.large VALUES (REPEAT(x'270a', 6000000));`,
);
const NAMES = ['shop', 'crm', 'east', 'west', ODD].map((name) => DatabaseName.parse(name));
const truth = await readContent(world.server.root, NAMES);
const grants = await queryLines(world.server.root, `SHOW GRANTS FOR ${ACCOUNT}`);

const target = await serverFor(t);
const { path: folder, remove } = temporaryFolder();
t.teardown(remove);
const clientOptions = join(folder, 'my.cnf');
await writeFile(clientOptions, `[client]\nuser = root\nsocket = "${target.socket}"\n`, { mode: 0o600 });
// Brought away at once: nothing of the host is to be needed.
const vault = {
  key: join(folder, 'company.pem'),
  open: join(folder, 'escrow-open.pem'),
  passphrase: world.keys.passphrase,
};
await cp(world.keys.company, vault.key);
const opened = await run('openssl', ['pkey', '-in', world.keys.escrow, '-passin', 'stdin', '-out', vault.open], {
  input: `${vault.passphrase}\n`,
});
if (opened.exitCode !== 0) throw new Error(opened.stderr);
await cp(world.at('inventory/signers/allowed_signers'), join(folder, 'allowed_signers'));

async function emptied(server = target): Promise<void> {
  for (const name of NAMES)
    await execute(server.root, `SET foreign_key_checks = 0; DROP DATABASE IF EXISTS ${quoteIdentifier(name)}`);
  if (server === target) await execute(server.root, 'SET GLOBAL max_allowed_packet = DEFAULT');
  await execute(server.root, `DROP USER IF EXISTS ${ACCOUNT}`);
}

async function assertAllIsBack(t: Test, names = NAMES, server = target): Promise<void> {
  const expected = new Map([...truth].filter(([name]) => names.includes(name)));
  t.strictSame(compareContent(expected, await readContent(server.root, names)), [], 'all is back, and the same');
  t.strictSame(await queryLines(server.root, `SHOW GRANTS FOR ${ACCOUNT}`), grants, 'the accounts too');
}

const page = await readFile(join(REPOSITORY, 'RECOVERY.md'), 'utf8');
const COMPRESSORS = ['gzip', 'zstd'] as const;
const runs = new Map<string, string>();
for (const program of COMPRESSORS) {
  if (!findProgram(program)) continue;
  await world.goodRun(
    await world.inventoryWith((host) => {
      host.compression = { program };
    }),
  );
  runs.set(program, (await runsAt(world, STORE)).at(-1) ?? '');
}
const gzipped = runs.get('gzip') ?? '';

for (const program of COMPRESSORS) {
  for (const place of [STORE, EXPORT, OFFSITE]) {
    const name = runs.get(program) ?? '';
    const skip = name === '' ? `this machine has no ${program}` : false;
    t.test(`RECOVERY.txt of a run with ${program}, in ${place}, by a key with a passphrase`, { skip }, async (t) => {
      await emptied();
      const access = { recipient: 'company', privateKeyPath: vault.key, passphrase: vault.passphrase };
      await recoverByHand({ runFolder: world.at(place, name), ...access, clientOptions });
      await assertAllIsBack(t);
    });
  }
}

t.test('RECOVERY.txt by a key without a passphrase, of another recipient', async (t) => {
  await emptied();
  const access = { recipient: 'escrow', privateKeyPath: vault.open, passphrase: 'nobody asks for it' };
  await recoverByHand({ runFolder: world.at(OFFSITE, gzipped), ...access, clientOptions });
  await assertAllIsBack(t);
});

/** What RECOVERY.txt says is needed, and what its questions need. */
const PROGRAMS = [
  'sh',
  'openssl',
  'tar',
  'gzip',
  'sha256sum',
  'mariadb',
  'ssh-keygen',
  'grep',
  'mktemp',
  'rm',
  'touch',
  'cat',
];

async function shellAt(name: string): Promise<BareShell> {
  const shell = await bareShell(join(folder, name), PROGRAMS, { less: 'cat' });
  await cp(clientOptions, join(shell.home, '.my.cnf'));
  return shell;
}

t.test('what RECOVERY.txt offers besides answers its questions', async (t) => {
  const shell = await shellAt('questions');
  const cwd = join(folder, 'asked');
  await cp(world.at(OFFSITE, gzipped), cwd, { recursive: true });
  await cp(join(folder, 'allowed_signers'), join(cwd, 'allowed_signers'));
  const text = await readFile(join(cwd, 'RECOVERY.txt'), 'utf8');
  const asked = [...text.matchAll(/^ {4}# (.*)$/gm)].map(([, command = '']) => command);
  const [whose, signature, itsRun] = asked;
  const manifest = JSON.parse(await readFile(join(cwd, 'manifest.json'), 'utf8'));
  const { fingerprint } = manifest.recipients.find((each: { name: string }) => each.name === 'company');
  for (const [command = '', answer] of [
    [whose, new RegExp(`^${fingerprint}  -`, 'm')],
    [signature, /^Good "coffre-manifest" signature for db1 /m],
    [itsRun, new RegExp(`"run":"${gzipped}"`)],
  ] as const) {
    const { exitCode, said } = await shell.type(command, {
      cwd,
      passphrase: vault.passphrase,
      env: { KEY: vault.key },
    });
    t.equal(exitCode, 0, `${command}\n${said}`);
    t.match(said, answer, command);
  }
});

const blocks = shellBlocks(page);
const containing = (text: string) => {
  const found = blocks.filter((block) => block.includes(text));
  if (found.length !== 1) throw new Error(`RECOVERY.md has ${found.length} blocks with ${text}`);
  return found[0] as string;
};
const RUN_FOLDER = '/where/it/is/2026-11-22T040000Z';

t.test('every block of commands of RECOVERY.md is typed by a test here', async (t) => {
  const known = ['tasks/list.ts', 'tasks/restore.ts', 'less RECOVERY.txt', 'openssl enc -d'];
  t.strictSame(
    blocks.filter((block) => !known.some((text) => block.includes(text))),
    [],
  );
  t.ok(blocks.length >= known.length);
});

t.test(
  'RECOVERY.md without this software: the commands as they stand, in the folder that the contractor has sent',
  async (t) => {
    await emptied();
    const shell = await shellAt('by-hand');
    const cwd = join(folder, 'sent');
    await cp(world.at(OFFSITE, gzipped), cwd, { recursive: true });
    // Its words name these three without a path.
    await cp(vault.key, join(cwd, 'company.pem'));
    await cp(join(folder, 'allowed_signers'), join(cwd, 'allowed_signers'));
    const reading = containing('less RECOVERY.txt').replace('/where/the/run/is/2026-11-22T040000Z', cwd);
    const read = await shell.type(reading, { cwd: '/', passphrase: '' });
    t.equal(read.exitCode, 0, read.said);
    t.match(read.said, /HOW TO GET THE DATABASES OF db1 BACK/);
    const { exitCode, said, asked } = await shell.type(containing('openssl enc -d'), {
      cwd,
      passphrase: vault.passphrase,
    });
    t.equal(exitCode, 0, said);
    t.equal(asked, 1, 'openssl asks for the passphrase of the key');
    t.match(said, /^Good "coffre-manifest" signature for db1 /m);
    t.match(said, /^encrypted\.dat: OK\r?$/m);
    await assertAllIsBack(
      t,
      NAMES.filter((name) => name === 'shop'),
    );
  },
);

t.test('RECOVERY.md with this software: look, plan, restore, in a checkout with the inventory', async (t) => {
  const checkout = join(folder, 'checkout');
  await mkdir(checkout);
  for (const name of ['tasks', 'lib', 'node_modules', 'package.json', '.npmrc', 'tsconfig.json']) {
    await symlink(join(REPOSITORY, name), join(checkout, name));
  }
  await symlink(world.inventoryFolder, join(checkout, 'inventory'));
  const home = join(folder, 'operator');
  await mkdir(join(home, 'keys'), { recursive: true });
  await cp(vault.key, join(home, 'keys/company.pem'));
  await writeFile(join(home, '.my.cnf'), '[client]\nuser = root\n', { mode: 0o600 });
  const shell = await bareShell(join(folder, 'operator-shell'), ['sh']);
  const env = { PATH: process.env.PATH ?? '', HOME: home, TMPDIR: process.env.TMPDIR ?? '/tmp' };
  const type = (commands: string) => shell.type(commands, { cwd: checkout, passphrase: vault.passphrase, env });

  const look = containing('tasks/list.ts').replaceAll('/where/the/runs/are', world.at(OFFSITE));
  const listed = await type(look);
  t.equal(listed.exitCode, 0, listed.said);
  t.match(listed.said, gzipped);
  t.match(listed.said, /^sound: 1 copy of 1 run, /m);

  const lines = containing('tasks/restore.ts').trimEnd().split('\n');
  t.equal(lines.filter((line) => line === 'npm ci').length, 1, 'what is installed already');
  const restores = lines
    .filter((line) => line !== 'npm ci')
    .map((line) => line.replace(RUN_FOLDER, world.at(OFFSITE, gzipped)));
  t.equal(restores.length, 2);
  const planned = await type(restores[0] ?? '');
  t.equal(planned.exitCode, 8, 'the databases are still there');
  t.match(planned.said, /would restore/);
  await emptied(world.server);
  const restored = await type(restores.join('\n'));
  t.equal(restored.exitCode, 0, restored.said);
  t.equal(restored.asked, 2);
  await assertAllIsBack(t, NAMES, world.server);
});

t.test('the folder of the contractor is the only thing left', async (t) => {
  const left = join(folder, 'left');
  await cp(world.at(OFFSITE), left, { recursive: true });
  await world.stop();
  for (const name of ['host', 'offsite', 'inventory', 'audit.git', 'keys']) {
    await rm(world.at(name), { recursive: true, force: true });
  }
  for (const name of runs.values()) {
    await emptied();
    const access = { recipient: 'company', privateKeyPath: vault.key, passphrase: vault.passphrase };
    await recoverByHand({ runFolder: join(left, name), ...access, clientOptions });
    await assertAllIsBack(t);
  }
});

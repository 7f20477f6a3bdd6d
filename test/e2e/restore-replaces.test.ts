import { spawn } from 'node:child_process';
import { cp, readFile, writeFile } from 'node:fs/promises';
import t, { type Test } from 'tap';
import { execute, queryLines } from '../../lib/database/client.ts';
import { readDatabaseNames } from '../../lib/database/database-names.ts';
import { compareContent, readContent } from '../../lib/flow/compare-content.ts';
import { DatabaseName } from '../../lib/model/names.ts';
import { requireProgram } from '../../lib/system/programs.ts';
import { bundleTasks } from '../fixture/bundle.ts';
import { flipped, whileDamaged } from '../fixture/damage.ts';
import { assertExplained, EXPORT, runsAt, STORE } from '../fixture/nothing-half-done.ts';
import { pathWith } from '../fixture/programs.ts';
import { runSql } from '../fixture/servers.ts';
import { eventsOf, runTask, type TaskEnd, type TaskEvent } from '../fixture/task.ts';
import { worldFor } from '../fixture/world.ts';

/* What becomes of the databases that a restore replaces, from which copy it does it, and what it says before. */

t.setTimeout(200_000);
const world = await worldFor(t);
const { root } = world.server;
const SHOP = DatabaseName.parse('shop');
await runSql(
  world.server,
  `USE shop; CREATE TABLE moved (a INT); CREATE VIEW names AS SELECT id FROM customer;
   SET GLOBAL log_bin_trust_function_creators = 1;
   CREATE TRIGGER tr BEFORE INSERT ON moved FOR EACH ROW SET @a = 1; CREATE FUNCTION f() RETURNS INT RETURN (SELECT COUNT(*) FROM moved);
   SET GLOBAL log_bin_trust_function_creators = 0;`,
);
const backedUp = await readContent(root, [SHOP]);
await world.goodRun();
const [newest = ''] = (await runsAt(world, STORE)).slice(-1);
// What the server has since: that is lost with a good restore, and with no other.
await runSql(
  world.server,
  'USE shop; DELETE FROM customer WHERE id = 1; CREATE TABLE since (a INT); INSERT INTO since VALUES (1);',
);
const since = await readContent(root, [SHOP]);

const words = ['--database', 'shop', '--overwrite', 'shop'];
const leftovers = async () => (await readDatabaseNames(root)).filter((name) => name.includes('__coffre_old_'));

async function assertHas(t: Test, content: typeof since, what: string) {
  t.strictSame(compareContent(content, await readContent(root, [SHOP])), [], what);
  t.strictSame(await leftovers(), [], 'and nothing is left beside it');
  t.strictSame(await queryLines(root, 'SELECT @@GLOBAL.log_bin_trust_function_creators'), ['0']);
}

t.test('a dry run says what would be read, replaced and needed, and does nothing', async (t) => {
  const plan = await world.restore([...words, '--dry-run']);
  t.equal(plan.exitCode, 0, plan.stderr);
  t.match(plan.stdout, /^shop +move aside as shop__coffre_old_\d{8}t\d{6}z, load, compare, then DROP the old one +2 /m);
  t.match(
    plan.stdout,
    new RegExp(`^would restore ${newest} of .*${STORE}/${newest}: 5\\.\\d MiB verified, then read$`, 'm'),
  );
  t.match(plan.stdout, /^not from export: has it too, and is farther away$/m);
  t.match(plan.stdout, /^space {4}about .* are free there; the old ones keep .* until then$/m);
  t.match(plan.stdout, /^time {5}about \d/m);
  const refused = await world.restore(['--database', 'shop', '--dry-run']);
  t.equal(refused.exitCode, 8);
  t.match(refused.stdout, /^shop +REFUSE: it is there; --overwrite names it/m);
  await assertHas(t, since, 'it is as it was');
});

/** A client that the server lets load no more than a little: what is said of the rest is how a full disk sounds. */
const full = await pathWith(
  world.at('bin-full'),
  'mariadb',
  `case "$*" in *binary-mode*) ;; *) exec "$REAL" "$@";; esac
   head -c 400000 > "${world.at('bin-full')}/$$"; "$REAL" "$@" < "${world.at('bin-full')}/$$" || exit $?
   [ "$(cat | wc -c)" -eq 0 ] && exit 0; echo "ERROR 1114 (HY000) at line 30: full" >&2; exit 1`,
);
const meddling = await pathWith(
  world.at('bin-meddling'),
  'mariadb-dump',
  `case "$*" in *--databases*shop) mariadb --defaults-file=${world.adminOptions} -e "DELETE FROM shop.customer LIMIT 1";; esac; exec "$REAL" "$@"`,
);

for (const [what, path, code] of [
  ['the server does not take the new one', full, 4],
  ['the new one differs from what was backed up', meddling, 5],
] as const) {
  t.test(`when ${what}, the old one comes back`, async (t) => {
    const ended = await world.restore(words, { env: { PATH: path } });
    t.equal(ended.exitCode, code, ended.stderr);
    t.match(ended.stderr, /^ +shop: the old database is back in its place, as it was$/m);
    await assertHas(t, since, 'it is as it was');
  });
}

const MOMENTS: Readonly<Record<string, (event: TaskEvent) => boolean>> = {
  'the old one was out of the way': ({ event, text = '' }) => event === 'note' && text.startsWith('the old one is '),
  'the new one was being loaded': ({ event, phase }) => event === 'progress' && phase === 'load',
};
for (const [what, isNow] of Object.entries(MOMENTS)) {
  t.test(`killed when ${what}, the next restore puts the old one back and begins again`, async (t) => {
    const killed = await world.restore(['--json', ...words], {
      onEvent: (event, { kill }) => {
        if (isNow(event)) kill('SIGKILL');
      },
    });
    t.equal(killed.exitCode, null, killed.stdout);
    t.equal((await leftovers()).length, 1);
    const other = await world.restore(['--database', 'crm', '--overwrite', 'crm', '--dry-run']);
    t.match(other.stdout, /^warning +a restore of shop was cut short: the old one is in shop__coffre_old_/m);
    const unnamed = await world.restore(['--database', 'shop']);
    assertExplained(t, unnamed, 8, /^error: cannot restore shop: /, /--overwrite shop$/);
    const again = await world.restore(words, { env: { PATH: full } });
    t.equal(again.exitCode, 4, again.stderr);
    t.match(again.stderr, /^ +shop: an earlier restore was cut short: .* the old database is back in its place$/m);
    await runSql(world.server, 'SET GLOBAL log_bin_trust_function_creators = 0'); // the one who was killed has left it on
    await assertHas(t, since, 'it is as it was');
  });
}

t.test('a copy that is damaged is told, and the next one is taken, before anything is touched', async (t) => {
  await whileDamaged(world.at(STORE, newest, 'shop.tar.gz.enc'), flipped, async () => {
    const ended = await world.restore(['--json', ...words]);
    t.equal(ended.exitCode, 0, ended.stdout);
    const events = eventsOf(ended);
    const told = events.findIndex(
      ({ event, text = '' }) =>
        event === 'warning' && /^the copy in store is not taken: .*shop\.tar\.gz\.enc/.test(text),
    );
    const moved = events.findIndex(({ event, text = '' }) => event === 'note' && text.startsWith('the old one is '));
    t.ok(told >= 0 && told < moved, 'in this order');
    t.match(events.at(-1), {
      data: { copies: [{ place: 'store' }, { place: 'export', verdict: 'taken' }, { place: 'offsite:contractor' }] },
    });
  });
  await assertHas(t, backedUp, 'it is what was backed up');
});

t.test('a database that cannot be moved is dropped first, once that is asked for', async (t) => {
  await runSql(
    world.server,
    'USE shop; CREATE TABLE part (a INT) ENGINE = MyISAM; CREATE TABLE whole (a INT) ENGINE = MERGE UNION = (part);',
  );
  const refused = await world.restore(words);
  assertExplained(
    t,
    refused,
    8,
    /^error: cannot move shop out of the way: its table `whole` is of the engine MRG_MyISAM/,
    /--drop-first shop$/,
  );
  const dropped = await world.restore(['--database', 'shop', '--drop-first', 'shop']);
  t.equal(dropped.exitCode, 0, dropped.stderr);
  await assertHas(t, backedUp, 'it is what was backed up');
});

t.test(
  'without an inventory, from a folder that was carried there, with the key and what says whose signature counts',
  async (t) => {
    const away = t.testdir();
    await cp(world.at(EXPORT, newest), `${away}/${newest}`, { recursive: true });
    await writeFile(`${away}/allowed_signers`, await readFile(world.at('inventory/signers/allowed_signers')));
    const key = ['--key', world.keys.company, '--passphrase-fd', '0', '--defaults-file', world.adminOptions];
    const offline = (...more: string[]) =>
      runTask('restore', [...key, '--from', `./${newest}`, '--socket', world.server.socket, ...words, ...more], {
        cwd: away,
        input: `${world.keys.passphrase}\n`,
      });
    const restored = await offline('--signers', 'allowed_signers');
    t.equal(restored.exitCode, 0, restored.stderr);
    await assertHas(t, backedUp, 'it is what was backed up');
    const none = await offline('--dry-run');
    assertExplained(t, none, 2, /^error: cannot tell whose signature counts/, /--signers FILE, or --signer/);
    const stranger = await offline('--signer', `SHA256:${'A'.repeat(43)}`, '--dry-run');
    assertExplained(t, stranger, 5, /^error: cannot trust .*: it was signed by SHA256:/, /ssh-keygen -lf/);
    const [fingerprint = ''] = /SHA256:[^,\s]{43}(?=, and not)/.exec(stranger.stderr) ?? [];
    t.equal((await offline('--signer', fingerprint, '--dry-run')).exitCode, 0);
    const other = await runTask('restore', ['db9', ...key, '--from', `./${newest}`, '--signer', fingerprint], {
      cwd: away,
      input: 'x\n',
    });
    assertExplained(t, other, 2, /^error: cannot restore db9: the runs in .* are of db1$/, /db1/);
  },
);

t.test('at a terminal the name of a database that is there can be typed; another one is no yes', async (t) => {
  const passphrase = world.at('keys/passphrase');
  await writeFile(passphrase, `${world.keys.passphrase}\n`, { mode: 0o600 });
  const task = [
    process.execPath,
    `${await bundleTasks()}/restore.mjs`,
    '--key',
    world.keys.company,
    '--passphrase-file',
    passphrase,
  ];
  const rest = ['--defaults-file', world.adminOptions, '--inventory', world.inventoryFolder, '--database', 'shop'];
  const no = await onTerminal([...task, ...rest], 'shopp');
  t.equal(no.exitCode, 8, no.stdout);
  t.match(no.stdout, /^shop +REFUSE: it is there/m);
  const yes = await onTerminal([...task, ...rest], 'shop');
  t.equal(yes.exitCode, 0, yes.stdout);
  await assertHas(t, backedUp, 'it is what was backed up');
});

t.test('what was made while the copy was verified is not loaded over', async (t) => {
  await execute(root, 'DROP DATABASE crm');
  const ended = await world.restore(['--json', '--database', 'crm'], {
    onEvent: ({ event, text = '' }) => {
      if (event === 'note' && text.endsWith('verifying every byte'))
        void execute(root, 'CREATE DATABASE crm; CREATE TABLE crm.mine (a INT)');
    },
  });
  t.equal(ended.exitCode, 8, ended.stdout);
  t.strictSame(await queryLines(root, 'SHOW TABLES FROM crm'), ['mine']);
});

/** A task with a terminal, at which somebody answers the one question with `answer`. */
async function onTerminal(command: readonly string[], answer: string): Promise<Pick<TaskEnd, 'exitCode' | 'stdout'>> {
  const args = ['--quiet', '--return', '--echo', 'never', '--command', command.join(' '), '/dev/null'];
  const child = spawn('/usr/bin/env', ['-u', 'NODE_OPTIONS', requireProgram('script'), ...args]);
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const asked = /type its name: /.test(stdout);
    stdout += text;
    if (!asked && /type its name: /.test(stdout)) child.stdin.write(`${answer}\n`);
  });
  const limit = setTimeout(() => child.kill('SIGKILL'), 60_000);
  const exitCode = await new Promise<number | null>((resolve) => child.once('close', resolve));
  clearTimeout(limit);
  return { exitCode, stdout: stdout.replaceAll('\r\n', '\n') };
}

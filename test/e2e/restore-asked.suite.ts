import { spawn } from 'node:child_process';
import { cp, readFile, writeFile } from 'node:fs/promises';
import t from 'tap';
import { execute, queryLines } from '../../lib/database/client.ts';
import { compareContent, readContent } from '../../lib/flow/compare-content.ts';
import { DatabaseName } from '../../lib/model/names.ts';
import { requireProgram } from '../../lib/system/programs.ts';
import { bundleTasks } from '../fixture/bundle.ts';
import { assertExplained, EXPORT } from '../fixture/nothing-half-done.ts';
import { pathWith } from '../fixture/programs.ts';
import { replacedWorldFor } from '../fixture/replaced-world.ts';
import { runSql } from '../fixture/servers.ts';
import { runTask, type TaskEnd } from '../fixture/task.ts';

/* What a restore has to be asked for, and by whom: at a terminal, without an inventory, for what nothing brings back. */

t.setTimeout(300_000);
const { world, newest, backedUp, leftovers, assertHas } = await replacedWorldFor(t);
const { root } = world.server;
const SHOP = DatabaseName.parse('shop');
const words = ['--database', 'shop', '--overwrite', 'shop'];

t.test('killed as soon as the old one was out of the way, the next restore puts it back and replaces it', async (t) => {
  const killed = await world.restore(['--json', ...words], {
    onEvent: ({ event, text = '' }, { kill }) => {
      if (event === 'note' && text.startsWith('the old one is ')) kill('SIGKILL');
    },
  });
  t.equal(killed.exitCode, null, killed.stdout);
  t.equal((await leftovers()).length, 1);
  const again = await world.restore(words);
  t.equal(again.exitCode, 0, again.stderr);
  t.match(again.stderr, /^ +shop: an earlier restore was cut short: the old database is back in its place$/m);
  await assertHas(t, backedUp, 'it is what was backed up');
});

t.test(
  'killed before anything was moved, it leaves a setting of the server, which the next one sets back',
  async (t) => {
    const now = await readContent(root, [SHOP]);
    for (const next of [['--database', 'crm', '--overwrite', 'crm'], words]) {
      const killed = await world.restore(['--json', ...words], {
        onEvent: ({ event, text = '' }, { kill }) => {
          if (event === 'note' && text.startsWith('log_bin_trust_function_creators is 1 ')) kill('SIGKILL');
        },
      });
      t.equal(killed.exitCode, null, killed.stdout);
      t.strictSame(compareContent(now, await readContent(root, [SHOP])), []);
      t.strictSame(await queryLines(root, 'SELECT @@GLOBAL.log_bin_trust_function_creators'), ['1']);
      const planned = await world.restore([...next, '--dry-run']);
      t.match(planned.stdout, /^first +log_bin_trust_function_creators is set back to 0: an earlier restore/m);
      const again = await world.restore(next);
      t.equal(again.exitCode, 0, again.stderr);
      t.match(again.stderr, /log_bin_trust_function_creators: an earlier restore .* had left it at 1: it is 0 again$/m);
    }
    await assertHas(t, backedUp, 'it is what was backed up');
  },
);

t.test('what was moved aside can be put back without a restore, by who has no key', async (t) => {
  await execute(root, 'CREATE TABLE shop.since (a INT)');
  const now = await readContent(root, [SHOP]);
  const killed = await world.restore(['--json', ...words], {
    onEvent: ({ event, phase }, { kill }) => {
      if (event === 'progress' && phase === 'load') kill('SIGKILL');
    },
  });
  t.equal(killed.exitCode, null, killed.stdout);
  const putBack = (...more: string[]) =>
    world.task('restore', ['--put-back', 'shop', '--defaults-file', world.adminOptions, ...more]);
  const planned = await putBack('--drop-first', 'shop', '--dry-run');
  t.equal(planned.exitCode, 2, 'what is called a dry run does nothing');
  t.match(planned.stderr, /^error: cannot put anything back with --dry-run: that is for a restore$/m);
  await execute(root, 'CREATE TABLE shop.order_of_today (a INT); INSERT INTO shop.order_of_today VALUES (1)');
  const taken =
    /^error: cannot put shop back: in its place there is something \(2 tables\) in which somebody may have worked since$/;
  const drop = /: npx zx tasks\/restore\.ts --inventory \S+ --defaults-file \S+ --put-back shop --drop-first shop$/;
  assertExplained(t, await putBack(), 8, taken, drop);
  t.strictSame(await queryLines(root, 'SELECT a FROM shop.order_of_today'), ['1'], 'nothing is lost without a word');
  const elsewhere = world.at('elsewhere.cnf');
  await writeFile(elsewhere, '[client]\nuser = root\nsocket = /run/elsewhere.sock\n', { mode: 0o600 });
  for (const asked of [
    ['--put-back', 'shop', '--drop-first', 'shop'],
    [...words, '--key', world.keys.company],
  ]) {
    const misled = await world.task('restore', [...asked, '--defaults-file', elsewhere]);
    const which =
      /^error: cannot tell which server is meant: .* names the socket \/run\/elsewhere\.sock, and it would be the database at /;
    assertExplained(t, misled, 8, which, /--socket PATH/);
  }
  const returned = await putBack('--drop-first', 'shop');
  t.equal(returned.exitCode, 0, returned.stderr);
  t.match(returned.stdout, /^shop +shop__coffre_old_\d{8}t\d{6}z$/m);
  await assertHas(t, now, 'it is as it was');
  assertExplained(t, await putBack(), 2, /^error: cannot put shop back: the server has none/, /none of any other/);

  // Events at work: nobody can tell whether the new one is good, so that the old one is kept.
  await runSql(world.server, 'CREATE EVENT shop.e ON SCHEDULE EVERY 1 DAY DO DO 0; SET GLOBAL event_scheduler = ON');
  const slow = await pathWith(
    world.at('bin-slow'),
    'mariadb-dump',
    `case "$*" in *--databases*shop) mariadb --defaults-file=${world.adminOptions} -e "DELETE FROM shop.customer LIMIT 1; CREATE EVENT IF NOT EXISTS crm.e ON SCHEDULE EVERY 1 DAY DO DELETE FROM shop.customer LIMIT 1";; esac; exec "$REAL" "$@"`,
  );
  const kept = await world.restore(words, { env: { PATH: slow } });
  await execute(root, 'SET GLOBAL event_scheduler = OFF; DROP EVENT crm.e');
  t.equal(kept.exitCode, 3, kept.stderr);
  t.match(
    kept.stderr,
    /^warning: shop: the new one could not be compared, so that the old one is kept as shop__coffre_old_/m,
  );
  assertExplained(
    t,
    await putBack(),
    8,
    /^error: cannot put shop back: the new one was loaded to its end/,
    /--drop-first shop$/,
  );
  t.equal((await putBack('--drop-first', 'shop')).exitCode, 0);
  await execute(root, 'DROP EVENT shop.e');
  await assertHas(t, now, 'it is as it was');
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

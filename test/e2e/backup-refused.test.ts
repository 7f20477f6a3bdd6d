import { writeFileSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import t, { type Test } from 'tap';
import { execute } from '../../lib/database/client.ts';
import { startThrowawayServer } from '../../lib/database/throwaway-server.ts';
import { assertExplained, assertNothingHalfDone, runsAt, STORE } from '../fixture/nothing-half-done.ts';
import { folderOfProgramsWithout, pathWith } from '../fixture/programs.ts';
import { publishedManifests } from '../fixture/published.ts';
import { eventsOf } from '../fixture/task.ts';
import { worldFor } from '../fixture/world.ts';

/* What stands in the way of a backup before or while the databases are read. */

t.setTimeout(400_000);
const world = await worldFor(t);
await world.goodRun();

const badDay = (name: string, live: (t: Test) => Promise<void>) =>
  t.test(name, async (t) => {
    await live(t);
    await assertNothingHalfDone(t, world);
    t.equal((await runsAt(world, STORE)).length, 1, 'the run from before is the only one');
  });

badDay('five mistakes in three files of the inventory are told at once, each with its file', async (t) => {
  const inventory = await world.inventoryWith((host) => {
    host.stoer = 'typo';
    host.database.parallel = 0;
    Object.assign(host.offsite[0] ?? {}, { port: 'ssh' });
  });
  const defaults = await readFile(`${inventory}/defaults.yaml`, 'utf8');
  await writeFile(`${inventory}/defaults.yaml`, `${defaults}graceHours: many\n`);
  await writeFile(`${inventory}/recipients/escrow.pem`, 'not a key\n');
  const ended = await world.task('backup', [], { inventory });
  assertExplained(t, ended, 2, /^error: cannot use the inventory/, /./);
  for (const finding of [
    /hosts\/db1\.yaml:\d+:\d+ stoer: /,
    /hosts\/db1\.yaml:\d+:\d+ database\b.*parallel/,
    /hosts\/db1\.yaml:\d+:\d+ offsite\b.*port/,
    /defaults\.yaml:\d+:\d+ graceHours: /,
    /recipients\/escrow\.pem: /,
  ])
    t.match(ended.stderr, finding);
});

badDay('a client program is missing', async (t) => {
  const PATH = await folderOfProgramsWithout(world.at('bin-incomplete'), 'mariadb-dump');
  const ended = await world.task('backup', [], { env: { PATH } });
  assertExplained(t, ended, 2, /^error: cannot find the program mariadb-dump/, /apt-get install .*mariadb-client/);
});

badDay('a program is killed over the first thing that it is asked: it is not said to be missing', async (t) => {
  for (const [program, words] of [
    ['mariadb-dump', '--version'],
    ['ssh-keygen', '-Y*'],
  ] as const) {
    const PATH = await pathWith(
      world.at(`bin-killed-${program}`),
      program,
      `case "$*" in ${words}) kill -9 $$;; esac; exec "$REAL" "$@"`,
    );
    const ended = await world.task('backup', [], { env: { PATH } });
    assertExplained(t, ended, 4, new RegExp(`^error: cannot go on: ${program} was killed by SIGKILL$`), /dmesg/);
  }
});

badDay('the password is wrong', async (t) => {
  const optionFile = world.at('host/etc/coffre/wrong.cnf');
  await writeFile(optionFile, '[client]\nuser = bkpuser\npassword = "no, never"\n', { mode: 0o600 });
  const inventory = await world.inventoryWith((host) => {
    host.database.optionFile = optionFile;
  });
  const ended = await world.task('backup', [], { inventory });
  assertExplained(t, ended, 7, /access denied for the account$/, /look at user and password in .*wrong\.cnf/);
  t.notMatch(ended.stderr, /never/);
});

badDay('the option file is not there', async (t) => {
  const inventory = await world.inventoryWith((host) => {
    host.database.optionFile = world.at('host/etc/coffre/none.cnf');
  });
  const ended = await world.task('backup', [], { inventory });
  assertExplained(t, ended, 2, /^error: cannot read the option file .*none\.cnf/, /mode 0600/);
});

badDay('a view has lost its table', async (t) => {
  await execute(
    world.server.root,
    'CREATE TABLE shop.gone (a INT); CREATE VIEW shop.broken AS SELECT a FROM shop.gone',
  );
  await execute(world.server.root, 'DROP TABLE shop.gone');
  const ended = await world.task('backup', []);
  assertExplained(t, ended, 4, /^error: cannot dump everything: the view `shop`\.`broken`/, /SHOW CREATE VIEW/);
  await execute(world.server.root, 'DROP VIEW shop.broken');
});

badDay('the account lacks TRIGGER', async (t) => {
  await execute(world.server.root, "REVOKE TRIGGER ON *.* FROM 'bkpuser'@'localhost'");
  const ended = await world.task('backup', []);
  assertExplained(
    t,
    ended,
    4,
    /^error: cannot back up with the account 'bkpuser'@'localhost': it lacks TRIGGER/,
    /GRANT TRIGGER ON/,
  );
  await execute(world.server.root, "GRANT TRIGGER ON *.* TO 'bkpuser'@'localhost'");
});

badDay('the store is missing', async (t) => {
  const inventory = await world.inventoryWith((host) => {
    Object.assign(host.store, { path: world.at('host/mnt/unplugged'), whenUnavailable: 'fail' });
  });
  const ended = await world.task('backup', [], { inventory });
  assertExplained(t, ended, 7, /^error: cannot use .*unplugged: there is no such folder/, /make it: mkdir -p/);
});

badDay('another file system than that of the inventory is where the store should be', async (t) => {
  const inventory = await world.inventoryWith((host) => {
    Object.assign(host.store, { mount: 'fuse.glusterfs', whenUnavailable: 'fail' });
  });
  const ended = await world.task('backup', [], { inventory });
  assertExplained(t, ended, 8, /^error: cannot write to the store .*: no fuse\.glusterfs there/, /findmnt/);
});

badDay('the signing key is gone: the next run records what has failed, and does not call it killed', async (t) => {
  const key = world.at('host/var/lib/coffre/signing');
  await rename(key, `${key}.away`);
  const before = publishedManifests(world).length;
  const ended = await world.task('backup', []);
  assertExplained(
    t,
    ended,
    8,
    /^error: cannot sign for db1: there is no signing key at /,
    /tasks\/keys\.ts signer db1$/,
  );
  t.match(ended.stderr, /this run has failed, and for the same reason is not on record/);
  t.strictSame([...new Set(ended.stderr.match(/keys\.ts signer.*$/gm))], ['keys.ts signer db1'], 'one hint');
  await rename(`${key}.away`, key);
  const optionFile = world.at('host/etc/coffre/nobody.cnf');
  await writeFile(optionFile, '[client]\nuser = nobody\npassword = "x"\n', { mode: 0o600 });
  const inventory = await world.inventoryWith((host) => {
    host.database.optionFile = optionFile;
  });
  const next = await world.task('backup', [], { inventory });
  assertExplained(t, next, 7, /access denied for the account$/, /nobody\.cnf/);
  t.match(
    next.stderr,
    /the run \S+ has failed \(refused for safety\) and could not be recorded: cannot sign for db1: .*; it is recorded as failed now/,
  );
  t.notMatch(next.stderr, /killed/);
  t.match(publishedManifests(world).slice(before), [
    { outcome: 'failed', error: { code: 'refused', phase: 'preflight' } },
    { outcome: 'failed', error: { code: 'database-unreachable' } },
  ]);
});

badDay('the store is read-only', async (t) => {
  const path = world.at('host/mnt/read-only');
  await mkdir(path, { mode: 0o500 });
  const inventory = await world.inventoryWith((host) => {
    Object.assign(host.store, { path, whenUnavailable: 'fail' });
  });
  // Root may write everywhere, unless it gives up that privilege.
  const under = process.getuid?.() === 0 ? ['setpriv', '--bounding-set', '-dac_override,-dac_read_search'] : [];
  const ended = await world.task('backup', [], { inventory, under });
  assertExplained(t, ended, 4, /^error: cannot write to .*read-only: permission denied/, /ls -ld/);
  await rm(path, { recursive: true });
});

badDay('the database stops in the middle of a dump', async (t) => {
  const dead = world.at('database-is-dead');
  const waiting = `while [ ! -e '${dead}' ]; do sleep 0.1; done; exec "$REAL" "$@"`;
  const PATH = await pathWith(world.at('bin-slow'), 'gzip', waiting);
  const inventory = await world.inventoryWith((host) => {
    host.compression = { program: 'gzip' };
  });
  const ended = await world.task('backup', ['--json'], {
    inventory,
    env: { PATH },
    onEvent: ({ event, text }) => {
      if (event !== 'note' || !/^one snapshot/.test(text ?? '')) return;
      process.kill(world.server.pid, 'SIGKILL');
      writeFileSync(dead, '');
    },
  });
  t.equal(ended.exitCode, 7, ended.stdout);
  t.match(eventsOf(ended).at(-1), {
    event: 'result',
    error: { code: 'database-unreachable', message: /^cannot dump the databases? `/, hint: /systemctl status mariadb/ },
  });
  const again = await startThrowawayServer({ folder: world.server.folder, logBin: true });
  t.teardown(() => again.stop());
  const validated = await world.task('validate', []);
  t.equal(validated.exitCode, 0, validated.stdout);
  t.match(validated.stdout.replaceAll(/\s+/g, ' '), /its last run, .*, has failed/);
});

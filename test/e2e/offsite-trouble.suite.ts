import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { readdir, readFile, rename } from 'node:fs/promises';
import t, { type Test } from 'tap';
import { run } from '../../lib/system/command.ts';
import { flipped, whileDamaged } from '../fixture/damage.ts';
import {
  assertExplained,
  assertNothingHalfDone,
  EXPORT,
  OFFSITE,
  runsAt,
  STORE,
} from '../fixture/nothing-half-done.ts';
import { startProxy } from '../fixture/proxy.ts';
import { publishedManifests } from '../fixture/published.ts';
import { worldFor } from '../fixture/world.ts';

/* The backup is safe in the store, and what should leave the host does not get there: exit code 3, and then delivered. */

t.setTimeout(400_000);
const world = await worldFor(t);
const proxy = await startProxy(world.contractor.port);
t.teardown(() => proxy.close());
const throughProxy = await world.inventoryWith((host) => {
  Object.assign(host.offsite[0] ?? {}, { port: proxy.port, reconnectSeconds: 0 });
});

const withoutOffsite = () =>
  world.inventoryWith((host) => {
    Object.assign(host.offsite[0] ?? {}, { port: 1 });
  });

const badDay = (name: string, live: (t: Test) => Promise<void>) =>
  t.test(name, async (t) => {
    await live(t);
    await assertNothingHalfDone(t, world);
  });

badDay('the connection is cut in the middle of the upload, and the next run delivers', async (t) => {
  proxy.breakAfter(2_000_000, 'cut');
  const ended = await world.task('backup', [], { inventory: throughProxy });
  t.equal(ended.exitCode, 3, ended.stderr);
  t.match(ended.stdout, /^owed: contractor: cannot .*\nhint: /m);
  t.equal((await runsAt(world, STORE)).length, 1);
  t.strictSame(await runsAt(world, OFFSITE), [], 'the offsite shows no run');
  t.match(publishedManifests(world).at(-1), {
    outcome: 'succeeded',
    copies: [{ kind: 'store' }, { kind: 'export' }, { kind: 'offsite', state: 'owed' }],
    error: { code: 'offsite-unreachable', phase: 'ship' },
  });
  proxy.mend();
  const next = await world.task('backup', [], { inventory: throughProxy });
  t.equal(next.exitCode, 0, next.stderr);
  t.match(next.stdout, /^delivered late: /m);
  t.strictSame(await runsAt(world, OFFSITE), await runsAt(world, STORE));
  t.strictSame(
    (await readdir(world.at(OFFSITE))).filter((name) => name.startsWith('.')),
    [],
    'what was cut is gone',
  );
});

badDay('the offsite is down for two runs: the third delivers both in order', async (t) => {
  const down = await withoutOffsite();
  const before = (await runsAt(world, STORE)).length;
  for (const days of [1, 2]) {
    const ended = await world.task('backup', [], { inventory: down });
    t.equal(ended.exitCode, 3, `run ${days}: ${ended.stderr}`);
    t.match(ended.stdout, /^owed: contractor: cannot reach .* port 1: .*\nhint: try it with: ssh -v/m);
  }
  const owed = (await runsAt(world, STORE)).slice(before);
  t.equal(owed.length, 2);
  const third = await world.task('backup', []);
  t.equal(third.exitCode, 0, third.stderr);
  t.strictSame(await runsAt(world, OFFSITE), await runsAt(world, STORE));
  const { deliveries } = publishedManifests(world).at(-1) ?? {};
  t.strictSame(
    deliveries,
    owed.map((run) => ({ run, offsite: 'contractor', verified: 'read back' })),
  );
});

badDay(
  'of five offsites one is down, one an impostor, two cannot be logged in to: the fifth gets its copy',
  async (t) => {
    const identity = world.at('host/etc/coffre/other_ed25519');
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', identity]);
    const hostKey = (await readFile(`${identity}.pub`, 'utf8')).split(' ').slice(0, 2).join(' ');
    const inventory = await world.inventoryWith((host) => {
      const [good] = host.offsite;
      host.offsite = [
        { ...good, name: 'down', port: 1 },
        { ...good, name: 'impostor', hostKey },
        { ...good, name: 'stranger', identity },
        { ...good, name: 'keyless', identity: `${identity}.away` },
        { ...good, name: 'contractor' },
      ].map((each, index) => ({ ...each, path: `${good?.path}${index === 4 ? '' : `-${index}`}` }));
    });
    const ended = await world.task('backup', [], { inventory });
    t.equal(ended.exitCode, 3, ended.stderr);
    t.match(ended.stdout, /^owed: down: cannot reach .* port 1: .*\nhint: try it with: ssh -v/m);
    t.match(ended.stdout, /^owed: impostor: .*does not show the pinned host key\nhint: compare .*ssh-keyscan/m);
    t.match(ended.stdout, /^owed: stranger: .*it does not accept the key\nhint: .*authorized_keys/m);
    t.match(ended.stdout, /^owed: keyless: cannot read .*other_ed25519\.away: there is no such file\nhint: /m);
    t.strictSame(await runsAt(world, OFFSITE), await runsAt(world, STORE));
    const listed = await world.task('list', ['--from', 'offsite:impostor'], { inventory });
    assertExplained(t, listed, 8, /does not show the pinned host key$/, /ssh-keyscan/);
    const unknown = await world.task('list', ['--from', 'offsite:stranger'], { inventory });
    assertExplained(t, unknown, 7, /does not accept the key$/, /authorized_keys/);
  },
);

badDay(
  'what is owed was damaged meanwhile: the store is sent in place of the export, and nothing when both are',
  async (t) => {
    t.equal((await world.task('backup', [], { inventory: await withoutOffsite() })).exitCode, 3);
    const run = (await runsAt(world, EXPORT)).at(-1) ?? '';
    await whileDamaged(world.at(EXPORT, run, 'encrypted.dat'), flipped, async () => {
      await whileDamaged(world.at(STORE, run, 'shop.tar.gz.enc'), flipped, async () => {
        const ended = await world.task('backup', []);
        t.equal(ended.exitCode, 3, ended.stderr);
        t.match(ended.stdout, new RegExp(`^owed: contractor \\(${run}\\): .*\nhint: `, 'm'));
        t.notOk((await runsAt(world, OFFSITE)).includes(run));
      });
      const ended = await world.task('backup', []);
      t.equal(ended.exitCode, 0, ended.stderr);
      t.match(ended.stderr, /^warning: .*encrypted\.dat.*; the store's copy is sent instead\n *hint: /m);
    });
    t.strictSame(await runsAt(world, OFFSITE), await runsAt(world, STORE));
    t.ok((await readdir(world.at(OFFSITE, run))).includes('shop.tar.gz.enc'), 'the archives one by one');
  },
);

badDay('the export is damaged before it has reached any offsite: the store is kept, and sent later', async (t) => {
  proxy.hold(); // what is sent follows the export, and nothing of it may have been read before it is damaged
  const ended = await world.task('backup', ['--json'], {
    inventory: throughProxy,
    onEvent: ({ event, phase }) => {
      if (event !== 'phase-started' || phase !== 'ship') return;
      const [partial = ''] = readdirSync(world.at(EXPORT)).filter((name) => name.startsWith('.'));
      const path = world.at(EXPORT, partial, 'encrypted.dat');
      writeFileSync(path, flipped(readFileSync(path)));
      proxy.mend(); // the connection is gone, and the phase goes on
    },
  });
  t.equal(ended.exitCode, 3, ended.stdout);
  const run = (await runsAt(world, STORE)).at(-1) ?? '';
  t.notOk((await runsAt(world, EXPORT)).includes(run));
  t.match(publishedManifests(world).at(-1), {
    run,
    outcome: 'succeeded',
    dayArchive: null,
    copies: [{ kind: 'store' }, { kind: 'export', state: 'missing' }, { kind: 'offsite', state: 'owed' }],
    error: { code: 'verification-failed', phase: 'ship' },
  });
  const next = await world.task('backup', []);
  t.equal(next.exitCode, 0, next.stderr);
  t.strictSame(await runsAt(world, OFFSITE), await runsAt(world, STORE));
  const restored = await world.restore([
    '--run',
    run,
    '--from',
    'offsite:contractor',
    '--overwrite',
    'shop',
    '--overwrite',
    'crm',
  ]);
  t.equal(restored.exitCode, 0, restored.stderr);
});

badDay('the Git remote is down: the manifest waits in the outbox and goes with the next run', async (t) => {
  const before = publishedManifests(world).length;
  await rename(world.auditRepository, `${world.auditRepository}.away`);
  const ended = await world.task('backup', []);
  const skipped = await world.task('backup', [], { env: { PATH: '/nonexistent' } });
  await rename(`${world.auditRepository}.away`, world.auditRepository);
  t.equal(ended.exitCode, 3, ended.stderr);
  t.match(ended.stdout, /^owed: publication: cannot .*\nhint: /m);
  t.equal(skipped.exitCode, 2, skipped.stderr);
  t.equal(publishedManifests(world).length, before);
  t.ok((await readdir(world.at('host/var/lib/coffre/outbox'))).length > 0);
  const next = await world.task('backup', []);
  t.equal(next.exitCode, 0, next.stderr);
  t.ok(publishedManifests(world).length >= before + 2);
  t.strictSame(await readdir(world.at('host/var/lib/coffre/outbox')), []);
});

t.test('the audit repository is content with all of that', async (t) => {
  const validated = await world.task('validate', []);
  t.equal(validated.exitCode, 0, validated.stdout);
});

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { stringify } from 'yaml';
import { publishVerification } from '../../lib/flow/publish-verification.ts';
import type { VerifyOrder } from '../../lib/flow/verify.ts';
import { verifyWhenDue } from '../../lib/flow/verify-when-due.ts';
import { readInventory } from '../../lib/inventory/read.ts';
import type { FlowEvent } from '../../lib/model/event.ts';
import type { HostConfig } from '../../lib/model/inventory.ts';
import type { VerifyRecord } from '../../lib/model/verify-record.ts';
import { systemClock } from '../../lib/system/clock.ts';
import { flipped, whileDamaged } from '../fixture/damage.ts';
import { inventoryWith } from '../fixture/inventory.ts';
import { signerOf } from '../fixture/signer.ts';
import { SMALL_SEGMENT_BYTES, smallRun } from '../fixture/small-run.ts';
import { runTask } from '../fixture/task.ts';
import { temporaryFolder } from '../temporary.ts';

/* Two runs in the store and the export of a host, its signing key, and an audit repository: this machine is the host. */

t.setTimeout(200_000);
const { path: folder, remove } = temporaryFolder();
t.teardown(remove);
const at = (...names: string[]) => join(folder, ...names);
for (const place of ['store', 'export']) await mkdir(at(place));
execFileSync('git', ['init', '-q', '--bare', at('audit.git')]);
const signer = await signerOf(t, 'db1');
const older = await smallRun(signer, new Date('2026-11-21T04:00:00Z'));
const newer = await smallRun(signer, new Date('2026-11-22T04:00:00Z'));
for (const { write } of [older, newer]) {
  await write(at('store'), 'store');
  await write(at('export'), 'offsite');
}
const config = {
  ssh: { address: 'db1.example.net', user: 'root', hostKey: 'ssh-ed25519 AAAA' },
  database: { socket: '/none', account: { user: 'bkpuser', from: 'localhost' } },
  store: { path: at('store'), mount: 'none' },
  export: { path: at('export') },
  state: { path: signer.stateFolder },
  offsite: [],
  audit: { kind: 'git', remote: at('audit.git'), branch: 'main' },
};
const inventoryFolder = await inventoryWith(t, {
  'hosts/db1.yaml': stringify(config),
  'hosts/db2.yaml': undefined,
  drillers: undefined,
  'signers/allowed_signers': signer.line,
});
const inventory = await readInventory(inventoryFolder);
const events: FlowEvent[] = [];
const order: VerifyOrder = {
  inventory,
  hosts: [...inventory.hosts.values()],
  from: [],
  runs: { kind: 'all' },
  sample: null,
  random: (limit) => Math.floor(Math.random() * limit),
  emit: (event) => void events.push(event),
  signal: new AbortController().signal,
};
const git = (...words: string[]) => execFileSync('git', ['-C', at('audit.git'), ...words], { encoding: 'utf8' });
const published = () => {
  const paths = git('ls-tree', '-r', '--name-only', 'main').split('\n');
  const records = paths.filter((path) => path.endsWith('-verify.json')).map((path) => git('show', `main:${path}`));
  return records.map((text) => JSON.parse(text) as VerifyRecord).sort((a, b) => a.sequence - b.sequence);
};
const warnings = () => events.splice(0).flatMap((event) => (event.kind === 'warning' ? [event.text] : []));

t.test('what was found whole is on record, run by run and place by place', async (t) => {
  const { places, trouble } = await publishVerification(order, systemClock);
  t.equal(trouble, null);
  t.equal(places.length, 2);
  const [record] = published();
  t.match(record, {
    ...{ kind: 'verify', host: 'db1', sequence: 1, outcome: 'succeeded', error: null, runs: 'all', sample: null },
    places: [
      { kind: 'store', offsite: null, error: null },
      { kind: 'export', offsite: null, error: null },
    ],
  });
  t.strictSame(record?.places[0]?.runs.at(0), {
    ...{ run: older.run, verdict: 'whole', segments: { read: 6, total: 6 }, findings: 0, unknown: 0, error: null },
    readBytes: 3.5 * SMALL_SEGMENT_BYTES + 1500,
  });
  t.strictSame(
    record?.places.map(({ runs }) => runs.map(({ run }) => run)),
    [
      [older.run, newer.run],
      [older.run, newer.run],
    ],
  );
  t.strictSame(warnings(), []);
});

t.test('what was found bad is on record as that, without the name of a file', async (t) => {
  await rename(at('store', newer.run), at('away'));
  await whileDamaged(at('store', older.run, 'shop.tar.gz.enc'), flipped, async () => {
    await publishVerification({ ...order, sample: 9 }, systemClock);
  });
  await rename(at('away'), at('store', newer.run));
  const record = published().at(-1);
  t.match(record, { sequence: 2, outcome: 'failed', error: { code: 'verification-failed' }, sample: 9 });
  const verdicts = record?.places.flatMap(({ kind, runs }) => runs.map(({ run, verdict }) => [kind, run, verdict]));
  t.strictSame(verdicts, [
    ['store', older.run, 'damaged'],
    ['store', newer.run, 'missing'],
    ['export', older.run, 'whole'],
    ['export', newer.run, 'whole'],
  ]);
  t.notMatch(JSON.stringify(record), /shop|\.enc/);
});

t.test('a place that cannot be read is on record with the code of why', async (t) => {
  await rename(at('export'), at('unplugged'));
  await publishVerification({ ...order, runs: { kind: 'latest' } }, systemClock);
  await rename(at('unplugged'), at('export'));
  t.match(published().at(-1), {
    ...{ outcome: 'failed', error: { code: 'not-found' }, runs: 'latest' },
    places: [{ runs: { length: 1 } }, { kind: 'export', error: 'not-found', runs: { length: 0 } }],
  });
  warnings();
});

t.test(
  'a night looks at the copies once that is due, and again the next night where a place could not be read',
  async (t) => {
    const [host] = inventory.hosts.values();
    assert.ok(host);
    const { emit, signal } = order;
    const verify = { everyDays: 7, runs: 'latest', sample: 2 } as const;
    let later = 0;
    const clock = { ...systemClock, now: () => new Date(Date.now() + later) };
    const night = (changes: Partial<HostConfig> = { verify }) =>
      verifyWhenDue({ ...host, ...changes }, { inventory, clock, emit, signal });
    const before = published().length;
    t.equal(await night({}), null, 'the inventory asks for none');
    await rename(at('export'), at('unplugged'));
    t.match(await night(), { trouble: null, places: [{ error: null }, { error: { code: 'not-found' } }] });
    await rename(at('unplugged'), at('export'));
    t.match(await night(), { trouble: null, places: [{ error: null }, { error: null }] });
    t.match(published().at(-1), { runs: 'latest', sample: 2, outcome: 'succeeded' });
    t.equal(await night(), null);
    later += 6 * 86_400_000;
    t.equal(await night(), null, 'six days later');
    later += 86_400_000 - 3_600_000;
    t.ok(await night(), 'a week later, an hour earlier in the night');
    later -= 30 * 86_400_000;
    t.ok(await night(), 'a clock that was wrong puts off nothing');
    t.equal(published().length, before + 4);
    const path = join(host.state.path, 'last-look');
    await rm(path);
    await mkdir(path);
    t.equal(await night(), null);
    t.match(warnings(), [/^the copies were not looked at: /]);
    await rm(path, { recursive: true });
  },
);

t.test('an audit repository that is out of reach keeps nothing from being told', async (t) => {
  await rename(at('audit.git'), at('away.git'));
  const owed = await publishVerification(order, systemClock);
  t.match(owed, { places: { length: 2 }, trouble: { code: 'owed' } });
  t.match(warnings(), [/^what was found is on record here, and not published yet: cannot /]);
  const task = await runTask('verify', ['db1', '--publish', '--run', 'latest', '--inventory', inventoryFolder]);
  t.equal(task.exitCode, 3, task.stdout + task.stderr);
  t.match(task.stdout, /^sound: 2 copies of 1 run/m);
  t.match(task.stderr, /on record here, and not published yet/);
  for (const name of ['chain.json', 'outbox']) await rename(join(signer.stateFolder, name), at(name));
  const unknown = await publishVerification(order, systemClock);
  t.match(unknown, { trouble: { code: 'audit-unreachable' } });
  t.match(warnings(), [/^what was found is not on record: cannot /]);
  await rm(join(signer.stateFolder, 'outbox'), { recursive: true });
  for (const name of ['chain.json', 'outbox']) await rename(at(name), join(signer.stateFolder, name));
  await rename(at('away.git'), at('audit.git'));
  const before = published().length;
  const again = await runTask('verify', ['db1', '--publish', '--json', '--inventory', inventoryFolder]);
  t.equal(again.exitCode, 0, again.stdout + again.stderr);
  t.equal(published().length, before + 3, 'what was owed came with it');
});

t.test('refuses, before anything is read, where this is not the host or the place is none of it', async (t) => {
  const [host] = order.hosts;
  if (!host) throw new Error('there is one');
  const elsewhere = { ...host, state: { path: at('nothing') } };
  await t.rejects(publishVerification({ ...order, hosts: [elsewhere] }, systemClock), {
    ...{ code: 'refused', message: /its signing key is not on this machine$/ },
    hint: "run it there: ssh -p 22 root@db1.example.net '/opt/coffre/current/coffre verify --publish'",
  });
  const [other] = (await signerOf(t, 'db1')).line.split('\n');
  const stranger = { ...inventory, allowedSigners: `${other}\n` };
  await t.rejects(publishVerification({ ...order, inventory: stranger }, systemClock), {
    ...{ code: 'refused', message: /does not name its signing key/ },
  });
  await t.rejects(publishVerification({ ...order, from: [at('store')] }, systemClock), { code: 'usage' });
  await t.rejects(publishVerification({ ...order, hosts: [host, host] }, systemClock), { code: 'usage' });
  t.notOk((await readdir(folder)).includes('nothing'), 'nothing is made for it');
});

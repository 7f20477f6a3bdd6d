import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { stringify } from 'yaml';
import { owe } from '../../lib/flow/owed.ts';
import { prune } from '../../lib/flow/prune.ts';
import type { PlacePrune, PruneOrder } from '../../lib/flow/prune-order.ts';
import { startThrowawaySshd } from '../../lib/host/throwaway-sshd.ts';
import { readInventory } from '../../lib/inventory/read.ts';
import type { HostConfig } from '../../lib/model/inventory.ts';
import type { PruneRecord } from '../../lib/model/prune-record.ts';
import { formatPrune } from '../../lib/report/prune-result.ts';
import { lockStore, STORE_LOCK } from '../../lib/storage/store-lock.ts';
import { systemClock } from '../../lib/system/clock.ts';
import { lockOrThrow } from '../../lib/system/lock.ts';
import { inventoryWith } from '../fixture/inventory.ts';
import { signerOf } from '../fixture/signer.ts';
import { type SmallRun, smallRun } from '../fixture/small-run.ts';
import { runTask } from '../fixture/task.ts';
import { temporaryFolder } from '../temporary.ts';

/* Twelve nights of one host in its store, its export and at a contractor's real sshd. */

t.setTimeout(200_000);
const { path: folder, remove } = temporaryFolder();
t.teardown(remove);
const at = (...names: string[]) => join(folder, ...names);
const PLACES = ['store', 'export', 'contractor', 'keys'] as const;
const sshd = await startThrowawaySshd({ folder: at('sshd'), sftpOnly: true });
t.teardown(() => sshd.stop());
const signer = await signerOf(t, 'db1');
const nights = Array.from({ length: 12 }, (_, index) => new Date(Date.UTC(2026, 10, 11 + index, 4)));
const runs: SmallRun[] = [];
for (const night of nights) runs.push(await smallRun(signer, night));
const names = runs.map(({ run }) => run as string);
const login = { address: sshd.address, port: sshd.port, user: sshd.user, hostKey: sshd.hostKey };
execFileSync('git', ['init', '-q', '--bare', at('audit.git')]);
const described = {
  audit: { kind: 'git', remote: at('audit.git'), branch: 'main' },
  database: { socket: '/none', account: { user: 'bkpuser', from: 'localhost' } },
  store: { path: at('store'), mount: 'none' },
  export: { path: at('export') },
  keys: { path: at('keys') },
  state: { path: signer.stateFolder },
  offsite: [{ name: 'contractor', kind: 'sftp', ...login, path: at('contractor'), identity: sshd.identityPath }],
  retention: { store: { daily: 3 }, export: { daily: 1 }, offsite: { daily: 2, weekly: 2 } },
};
const inventoryFolder = await inventoryWith(t, {
  'hosts/db1.yaml': stringify(described),
  'hosts/db2.yaml': undefined,
  'signers/allowed_signers': signer.line,
});
const inventory = await readInventory(inventoryFolder);
const host = inventory.hosts.get(signer.host) as HostConfig;
const order: PruneOrder = {
  inventory,
  clock: { now: () => new Date('2026-11-22T05:00:00Z') },
  emit: () => undefined,
  signal: new AbortController().signal,
  dryRun: false,
};

async function afresh(): Promise<void> {
  for (const place of PLACES) {
    await rm(at(place), { recursive: true, force: true });
    await mkdir(at(place));
  }
  const head = { sequence: runs.length, sha256: runs.at(-1)?.signed.sha256 };
  for (const name of ['owed', 'outbox', 'unrecorded', 'runs', 'audit'])
    await rm(join(signer.stateFolder, name), { recursive: true, force: true });
  await writeFile(join(signer.stateFolder, 'chain.json'), JSON.stringify(head));
  await rm(at('audit.git'), { recursive: true });
  execFileSync('git', ['init', '-q', '--bare', at('audit.git')]);
  for (const { run, write } of runs) {
    await write(at('store'), 'store');
    await write(at('export'), 'offsite');
    await write(at('contractor'), 'offsite');
    await mkdir(at('keys', run));
  }
}

/** Records of prunes in the audit repository. */
function published(): PruneRecord[] {
  const git = (...args: string[]) => execFileSync('git', ['-C', at('audit.git'), ...args], { encoding: 'utf8' });
  const branches = git('branch', '--list', 'main');
  if (branches === '') return [];
  const paths = git('ls-tree', '-r', '--name-only', 'main').split('\n');
  const records = paths
    .filter((path) => path.endsWith('-prune.json'))
    .map((path): PruneRecord => JSON.parse(git('show', `main:${path}`)));
  return records.sort((one, other) => one.sequence - other.sequence);
}

const there = async (place: string) => (await readdir(at(place))).sort();
const kept = (places: readonly PlacePrune[], place: string) =>
  places.find((each) => each.place === place)?.runs.flatMap(({ run, reasons }) => (reasons.length > 0 ? [run] : []));

t.test('each place keeps what the inventory asks for, and all else goes', async (t) => {
  await afresh();
  const places = await prune(host, order);
  t.same(
    places.map(({ place, error }) => [place, error]),
    [
      ['store', null],
      ['export', null],
      ['offsite:contractor', null],
    ],
  );
  t.same(await there('store'), names.slice(-3));
  t.same(await there('export'), names.slice(-1));
  t.same(await there('keys'), names.slice(-3), 'wrapped keys go with the last copy on the host');
  t.same(await there('contractor'), ['2026-11-15T040000Z', ...names.slice(-2)], 'two days, and two weeks');
  t.same(places[0]?.removed, names.slice(0, -3));
  const [record, ...others] = published();
  t.same(others, []);
  t.match(record, { kind: 'prune', outcome: 'succeeded', sequence: 13, previous: runs.at(-1)?.signed.sha256 });
  t.same(
    record?.places.map(({ kind, offsite, removed, kept }) => [kind, offsite, removed.length, kept]),
    [
      ['store', null, 9, 3],
      ['export', null, 11, 1],
      ['offsite', 'contractor', 9, 3],
    ],
  );
  t.match(record?.places[2]?.reasons, [
    { reason: 'daily', runs: 2 },
    { reason: 'weekly', runs: 2 },
  ]);
  await prune(host, order);
  t.equal(published().length, 1, 'nothing removed is nothing to be put on record');
});

t.test('a prune that is killed leaves on record what is gone, and at most one run more', async (t) => {
  await afresh();
  let told = 0;
  await runTask('prune', ['db1', '--from', 'store', '--json', '--inventory', inventoryFolder], {
    onEvent({ text }, process) {
      if (text?.startsWith('removed the run') && ++told === 2) process.kill('SIGKILL');
    },
  });
  const gone = names.filter((run) => !existsSync(at('store', run)));
  t.ok(gone.length >= 2 && gone.length < 9, `${gone.length} are gone`);
  t.same(published(), []);
  await prune(host, { ...order, clock: systemClock, only: ['export'] });
  const [killed, next] = published();
  const removed = killed?.places.flatMap((place) => place.removed as string[]) ?? [];
  t.same(
    gone.filter((run) => !removed.includes(run)),
    [],
    'whatever is gone is on record',
  );
  t.ok(removed.length - gone.length <= 1, `${removed.length} are on record`);
  t.same(
    next?.places.map(({ kind }) => kind),
    ['export'],
  );
});

t.test('a dry run tells the same, and removes nothing', async (t) => {
  await afresh();
  const places = await prune(host, { ...order, dryRun: true });
  for (const place of PLACES) t.same(await there(place), names, place);
  t.same(kept(places, 'store'), names.slice(-3));
  const text = formatPrune(places, true);
  t.match(text, /^store: 12 runs, 3 stay, 9 would go \(\d/m);
  t.match(text, /^2026-11-22T040000Z +[\d.]+ KiB +day 2026-11-22, newest, newest verified$/m);
  t.match(text, /^2026-11-15T040000Z +[\d.]+ KiB +week 2026-W46$/m);
  t.match(text, /^2026-11-11T040000Z +[\d.]+ KiB +GOES$/m);
});

t.test('what has no trusted manifest is left alone, and does not count', async (t) => {
  await afresh();
  const [first, ...others] = [names.at(-1) ?? '', names[0] ?? ''];
  for (const run of [first, ...others]) await writeFile(at('store', run, 'manifest.json'), '{}');
  const places = await prune(host, { ...order, only: ['store'] });
  t.same(await there('store'), [names[0], ...names.slice(-4)]);
  t.same(
    places[0]?.untrusted.map(({ run }) => run),
    [names[0], names.at(-1)],
  );
  t.equal(places.length, 1);
});

t.test(
  'what an offsite is still to get stays in the store, and in the export where the store has it not',
  async (t) => {
    await afresh();
    const [first, second] = runs;
    const [offsite] = host.offsite;
    if (!first || !second || !offsite) throw new Error('too few');
    for (const { run } of [first, second]) await owe(host, { run, offsite: offsite.name });
    await rm(at('store', second.run), { recursive: true });
    await prune(host, order);
    t.same(await there('store'), [first.run, ...names.slice(-3)]);
    t.same(await there('export'), [second.run, names.at(-1)]);
    t.same(await there('keys'), [first.run, second.run, ...names.slice(-3)]);
  },
);

t.test('a place that cannot be looked at is left alone and told, and the others are done', async (t) => {
  await afresh();
  await rm(at('export'), { recursive: true });
  const away = { ...host, store: { ...host.store, mount: 'fuse.glusterfs' } };
  const places = await prune(away, order);
  t.same(
    places.map(({ error }) => error?.code ?? 'done'),
    ['refused', 'store-unreachable', 'done'],
  );
  t.same(await there('store'), names, 'nothing is removed below an unmounted volume');
  t.equal(places[2]?.removed.length, 9);
});

t.test('where only its owner can remove anything, the plan is for the owner, and all stays', async (t) => {
  await afresh();
  for (const name of names) {
    await rename(at('contractor', name), at('contractor', `${name}.0123abcd`));
    await writeFile(at('contractor', `${name}.0123abcd`, '.done'), '');
  }
  await rename(at('contractor', `${names[0]}.0123abcd`), at('contractor', `${names[0]}.unfinished`));
  const appending = { ...host, offsite: host.offsite.map((each) => ({ ...each, appendOnly: true })) } as HostConfig;
  const before = await there('contractor');
  const [place, ...others] = await prune(appending, { ...order, only: ['offsite:contractor'] });
  if (!place) throw new Error('no plan');
  t.same(others, []);
  t.match(place, { place: 'offsite:contractor', byOwner: true, removed: [], error: null });
  t.same(kept([place], 'offsite:contractor'), ['2026-11-15T040000Z', ...names.slice(-2)]);
  t.equal(place.runs.length, names.length - 1, 'what is not finished is no run');
  t.same(await there('contractor'), before);
  t.same(published(), []);
  const text = formatPrune([place], false);
  t.match(text, /^offsite:contractor: 11 runs, 3 stay, 8 for its owner to remove/);
  t.match(text, /^2026-11-12T040000Z .*FOR ITS OWNER TO REMOVE$/m);
});

t.test('nobody prunes while a run is under way', async (t) => {
  await afresh();
  const lock = await lockOrThrow(join(signer.stateFolder, 'run.lock'), {
    doing: 'the run of tonight',
    since: '2026-11-22T04:00:00Z',
  });
  await t.rejects(prune(host, order), { code: 'locked' });
  t.same(await there('store'), names);
  t.equal((await prune(host, { ...order, dryRun: true })).length, 3, 'a dry run disturbs nobody');
  await lock.release();
});

t.test('a store in which another host is at work is left alone, and the other places are done', async (t) => {
  await afresh();
  const theirs = { host: 'db9', state: '/elsewhere', doing: 'the run 2026-11-22T040000Z' };
  const lock = await lockStore({ path: at('store'), clock: systemClock, ...theirs });
  t.teardown(() => lock.release());
  const done = await prune(host, order);
  t.match(done.find(({ place }) => place === 'store')?.error, { code: 'locked', message: /db9/ });
  t.same(
    (await there('store')).filter((name) => name !== STORE_LOCK),
    names,
  );
  for (const place of ['export', 'contractor'] as const) t.ok((await there(place)).length < names.length, place);
});

t.test('a retention of nothing is a mistake, and an absent one keeps all', async (t) => {
  const { retention: _, ...others } = host;
  t.same(await prune({ ...others, name: host.name }, order), []);
  t.match(formatPrune([], false), /nothing is ever removed/);
  const nothing = stringify({ ...described, retention: { store: { daily: 0 } } });
  const files = { 'hosts/db1.yaml': nothing, 'hosts/db2.yaml': undefined, 'signers/allowed_signers': signer.line };
  await t.rejects(readInventory(await inventoryWith(t, files)), {
    code: 'inventory',
    findings: [/retention\.store.*keeps nothing/],
  });
});

t.test('the task says what would go, and its exit code is that of what is wrong', async (t) => {
  await afresh();
  const dry = await runTask('prune', ['db1', '--dry-run', '--inventory', inventoryFolder]);
  t.equal(dry.exitCode, 0, dry.stderr);
  t.match(dry.stdout, /GOES/);
  t.ok(existsSync(at('store', names[0] ?? '')));
  await rm(at('store'), { recursive: true });
  const gone = await runTask('prune', ['db1', '--from', 'store', '--inventory', inventoryFolder]);
  t.equal(gone.exitCode, 7);
  t.match(gone.stdout, /error: cannot use .*store: there is no such folder/);
});

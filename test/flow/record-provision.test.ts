import { execFileSync } from 'node:child_process';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { readOutbox } from '../../lib/audit/outbox.ts';
import { ensureSigningKey } from '../../lib/audit/signing-key.ts';
import { publish } from '../../lib/flow/conclude.ts';
import { converge } from '../../lib/flow/converge.ts';
import { readKeysOnRecord } from '../../lib/flow/keys-on-record.ts';
import { type Provisioned, recordProvision } from '../../lib/flow/record-provision.ts';
import { sliceOf } from '../../lib/flow/slice-of.ts';
import { validate } from '../../lib/flow/validate.ts';
import { readInventory } from '../../lib/inventory/read.ts';
import { sliceFiles } from '../../lib/inventory/slice.ts';
import { allowedSignersLine } from '../../lib/model/allowed-signers.ts';
import type { ConvergeOrder } from '../../lib/model/converge-order.ts';
import { CoffreError } from '../../lib/model/error.ts';
import type { FlowEvent } from '../../lib/model/event.ts';
import type { HostConfig } from '../../lib/model/inventory.ts';
import type { Change, Resource } from '../../lib/model/plan.ts';
import type { HostRecord } from '../../lib/model/record.ts';
import { systemClock } from '../../lib/system/clock.ts';
import { makeFolder, writeDurably } from '../../lib/system/files.ts';
import { inventoryWith } from '../fixture/inventory.ts';
import { temporaryFolder } from '../fixture/signer.ts';

type T = Parameters<typeof temporaryFolder>[0];
const inventory = await readInventory(await inventoryWith(t));
const [example] = [...inventory.hosts.values()];
if (!example) throw new Error('the example has a host');

const change = (action: Change['action'], kind: Change['kind']): Change => ({ action, kind, name: 'n', lines: ['+x'] });
const FIRST = [change('create', 'folder'), change('create', 'folder'), change('create', 'key')];

/** A host with its signing key, and an audit repository that is there or is not. */
async function hostOf(t: T, isThere = true) {
  const folder = await temporaryFolder(t);
  const at = (...names: string[]) => join(folder, ...names);
  const bring = () => execFileSync('git', ['init', '-q', '--bare', '-b', 'main', at('audit.git')]);
  if (isThere) bring();
  const host: HostConfig = {
    ...(example as HostConfig),
    ...{ settings: { path: at('settings') }, state: { path: at('state') }, keys: { path: at('keys') } },
    audit: { kind: 'git', remote: at('audit.git'), branch: 'main' },
  };
  const lines = [allowedSignersLine(host.name, await ensureSigningKey(host.state.path, host.name))];
  const events: FlowEvent[] = [];
  const slice = (recipients = host.recipients) =>
    sliceOf({ ...host, recipients }, { ...inventory, allowedSigners: `${lines.join('\n')}\n` });
  const orderWith = (changes: Partial<ConvergeOrder>): ConvergeOrder => ({
    ...{ slice: slice(), desired: 'present', apply: true, accountOrder: null, farEnds: false },
    ...{ otherFolders: {}, controlTimeMs: 0, ...changes },
  });
  /** What an apply does, once it has changed `applied`. */
  const apply = async (
    applied: readonly Change[],
    changes: Partial<ConvergeOrder> = {},
    failed?: Provisioned['failed'],
  ) => {
    const began = systemClock.now();
    const order = orderWith(changes);
    const before = await readKeysOnRecord(host);
    for (const [path, content] of order.desired === 'present' ? sliceFiles(order.slice) : []) {
      await makeFolder(join(path, '..'));
      await writeDurably(path, content);
    }
    events.length = 0;
    const door = { clock: systemClock, emit: (event: FlowEvent) => void events.push(event) };
    const done = { began, applied, before, ...(failed ? { failed } : {}) };
    await recordProvision(order, done, { ...door, signal: new AbortController().signal });
    return events.map((event) => (event.kind === 'note' ? event.text : event.kind));
  };
  const git = (...words: string[]) => execFileSync('git', ['-C', at('audit.git'), ...words], { encoding: 'utf8' });
  const published = () => {
    const paths = git('ls-tree', '-r', '--name-only', 'main').split('\n');
    const records = paths
      .filter((path) => path.endsWith('.json'))
      .map((path) => JSON.parse(git('show', `main:${path}`)));
    return (records as HostRecord[]).sort((a, b) => a.sequence - b.sequence);
  };
  const waiting = async () =>
    (await readOutbox(host.state.path)).flatMap((signed) => ('record' in signed ? signed.record : []));
  const judge = async () => {
    const hosts = new Map([[host.name, host]]);
    const known = { ...inventory, hosts, drillers: new Map(), allowedSigners: `${lines.join('\n')}\n` };
    const { findings } = await validate({
      inventory: known,
      source: { location: at('audit.git') },
      clock: systemClock,
    });
    return findings.map(({ rule }) => rule);
  };
  return { host, lines, at, bring, slice, orderWith, apply, published, waiting, judge };
}

t.test('what was changed is published at once, without a name of anything on the host', async (t) => {
  const { apply, published, judge } = await hostOf(t);
  t.strictSame(await apply(FIRST), [], 'nobody is told of what went well');
  const [record, ...others] = published();
  t.strictSame(others, []);
  t.match(record, {
    ...{ kind: 'provision', sequence: 1, previous: null, outcome: 'succeeded', desired: 'present', signer: /^SHA256:/ },
    recipients: [
      { name: 'company', fingerprint: /^[0-9a-f]{64}$/ },
      { name: 'escrow', fingerprint: /^[0-9a-f]{64}$/ },
    ],
  });
  t.strictSame((record as { changes?: unknown }).changes, [
    { action: 'create', kind: 'folder', count: 2 },
    { action: 'create', kind: 'key', count: 1 },
  ]);
  t.strictSame(await judge(), ['freshness'], 'no backup yet, and nothing else is amiss');
});

t.test('a run that changes nothing records nothing', async (t) => {
  const { apply, published } = await hostOf(t);
  await apply(FIRST);
  t.strictSame(await apply([]), []);
  t.equal(published().length, 1);
});

const failed = { at: change('create', 'account'), error: new CoffreError('database-unreachable', 'cannot reach it') };

t.test('one that failed midway is on record with what was done, until one succeeds', async (t) => {
  const { apply, published, judge } = await hostOf(t);
  t.strictSame(await apply(FIRST, {}, failed), []);
  t.match(published(), [
    {
      ...{ kind: 'provision', outcome: 'failed', desired: 'present', changes: [{ kind: 'folder' }, { kind: 'key' }] },
      error: { code: 'database-unreachable', at: { action: 'create', kind: 'account' } },
    },
  ]);
  t.strictSame(await judge(), ['freshness', 'provision'], 'and is told');
  await apply([], {}, { at: null, error: failed.error });
  t.match(published()[1], { outcome: 'failed', changes: { length: 0 }, error: { at: null } }, 'at the first change');
  await apply([]);
  t.match(published()[2], { outcome: 'succeeded', changes: { length: 0 }, error: null }, 'nothing was left to do');
  t.strictSame(await judge(), ['freshness']);
  await apply([]);
  t.equal(published().length, 3);
});

t.test('keys that one wrote which then failed are a rotation of the next one', async (t) => {
  const { host, apply, slice, published } = await hostOf(t);
  await apply(FIRST);
  await rm(join(host.state.path, 'keys-on-record.json'));
  const [company] = slice().recipients;
  if (!company) throw new Error('there is one');
  const fewer = { ...slice(), recipients: [company] };
  await apply([change('change', 'file')], { slice: fewer }, failed);
  await apply([], { slice: fewer });
  t.match(published().slice(1), [
    { kind: 'provision', outcome: 'failed' },
    { kind: 'provision', outcome: 'succeeded' },
    { kind: 'key-rotation', removed: [{ name: 'escrow' }] },
  ]);
});

t.test('a convergence says what it failed at, and that it was interrupted', async (t) => {
  const { host, orderWith, published, waiting } = await hostOf(t);
  const accountOrder = { host: host.name, user: 'u', from: 'f', tls: false, want: 'present' } as const;
  const order = orderWith({
    ...{ slice: sliceOf({ ...host, settings: { path: t.testdir() } }, inventory), controlTimeMs: Date.now() },
    accountOrder: { ...accountOrder, privileges: [], login: 'unix_socket' },
  });
  const stop = new AbortController();
  const resource = (kind: Change['kind'], apply: () => void): Resource => {
    let done = false;
    const inspect = async () => (done ? undefined : change('create', kind));
    const carryOut = async () => {
      apply();
      done = true;
    };
    return { kind, name: 'n', inspect, apply: carryOut };
  };
  const context = { release: undefined, clock: systemClock, emit: () => undefined };
  const resources = [
    resource('folder', () => undefined),
    resource('file', () => {
      throw new CoffreError('store-unreachable', 'cannot write it');
    }),
  ];
  const going = { ...context, signal: stop.signal };
  await t.rejects(converge(order, { ...going, resources }), { code: 'store-unreachable' });
  const at = { action: 'create', kind: 'file' };
  t.match(published(), [
    { outcome: 'failed', changes: [{ kind: 'folder' }], error: { code: 'store-unreachable', at } },
  ]);
  const interrupted = [
    resource('folder', () => stop.abort(new CoffreError('interrupted', 'stopped'))),
    resource('file', t.fail),
  ];
  await t.rejects(converge(order, { ...going, resources: interrupted }), { code: 'interrupted' });
  t.match(await waiting(), [{ outcome: 'failed', changes: [{ kind: 'folder' }], error: { code: 'interrupted', at } }]);
  await t.rejects(
    converge(orderWith({ ...order, apply: false }), {
      ...{ ...context, signal: new AbortController().signal },
      resources: [{ ...resource('file', t.fail), inspect: () => Promise.reject(new CoffreError('refused', 'no')) }],
    }),
    { code: 'refused' },
  );
  t.equal((await waiting()).length, 1, 'what was not begun is on no record');
});

t.test('recipients that changed on a provisioned host are a record of their own', async (t) => {
  const { apply, slice, published, judge } = await hostOf(t);
  await apply(FIRST);
  const [company, escrow] = slice().recipients;
  if (!company || !escrow) throw new Error('there are two');
  const exchanged = { ...slice(), recipients: [company, { ...escrow, publicKey: company.publicKey }] };
  await apply([change('change', 'file')], { slice: exchanged });
  const records = published();
  t.strictSame(
    records.map(({ kind, sequence }) => `${sequence} ${kind}`),
    ['1 provision', '2 provision', '3 key-rotation'],
  );
  t.match(records[2], { of: 'recipients', added: [{ name: 'escrow' }], removed: [{ name: 'escrow' }] });
  const [old] = (records[0] as { recipients: { name: string; fingerprint: string }[] }).recipients.slice(1);
  t.match(records[2], { removed: [old] });
  await apply([], { slice: exchanged });
  t.equal(published().length, 3);
  t.strictSame(await judge(), ['freshness']);
});

t.test(
  'a rotation that a killed run could not record is recorded by the next one, though it changes nothing',
  async (t) => {
    const { host, apply, slice, published } = await hostOf(t);
    await apply(FIRST);
    const [company] = slice().recipients;
    if (!company) throw new Error('there is one');
    const fewer = { ...slice(), recipients: [company] };
    for (const [path, content] of sliceFiles(fewer)) await writeDurably(path, content); // killed behind this
    await apply([], { slice: fewer });
    t.match(published().slice(1), [{ kind: 'key-rotation', added: { length: 0 }, removed: [{ name: 'escrow' }] }]);
    t.match(await readKeysOnRecord(host), { recipients: { company: String } });
  },
);

t.test('a host that an earlier coffre provisioned tells by its slice what it had', async (t) => {
  const { host, apply, slice, published } = await hostOf(t);
  await apply(FIRST);
  await rm(join(host.state.path, 'keys-on-record.json'));
  t.same(Object.keys((await readKeysOnRecord(host))?.recipients ?? {}), ['company', 'escrow']);
  const [company] = slice().recipients;
  await apply([change('change', 'file')], { slice: { ...slice(), recipients: company ? [company] : [] } });
  t.match(published().at(-1), { kind: 'key-rotation', removed: [{ name: 'escrow' }] });
});

t.test('a new signing key is a record that the new key signs, and the chain goes on', async (t) => {
  const { host, lines, apply, published, judge } = await hostOf(t);
  await apply(FIRST);
  const before = published()[0] as { signer?: string };
  await rename(join(host.state.path, 'signing'), join(host.state.path, 'signing.old'));
  lines[0] += ' retired';
  lines.push(allowedSignersLine(host.name, await ensureSigningKey(host.state.path, host.name)));
  await apply([change('create', 'key')]);
  const [, provisioned, rotated] = published() as { signer?: string }[];
  t.not(provisioned?.signer, before.signer);
  t.match(rotated, {
    ...{ kind: 'key-rotation', of: 'signer', sequence: 3 },
    added: [{ name: null, fingerprint: provisioned?.signer }],
    removed: [{ name: null, fingerprint: before.signer }],
  });
  t.strictSame(await judge(), ['freshness']);
});

t.test('an audit repository that is not there yet is a note; the record follows the first run', async (t) => {
  const { host, apply, bring, published, waiting } = await hostOf(t, false);
  const from = performance.now();
  t.match(await apply(FIRST), [/^what was changed is put on record by the next backup: cannot /]);
  t.ok(performance.now() - from < 10_000, 'it does not wait');
  t.strictSame(await waiting(), [], 'no chain is begun that somebody else may have begun');
  bring();
  await apply([change('change', 'file')]);
  t.match(published(), [{ kind: 'provision', changes: [{ action: 'change' }] }]);
  await publish(host, systemClock);
  t.match(published()[1], { kind: 'provision', sequence: 2, changes: [{ action: 'create', kind: 'folder' }, Object] });
});

t.test('one that has gone is a note, and the record waits in the outbox', async (t) => {
  const { host, at, apply, waiting, published } = await hostOf(t);
  await apply(FIRST);
  await rename(at('audit.git'), at('away'));
  t.match(await apply([change('change', 'file')]), [
    /^what was changed is on record here, and the next backup publishes/,
  ]);
  t.match(await waiting(), [{ kind: 'provision', sequence: 2 }]);
  await rename(at('away'), at('audit.git'));
  t.match(await publish(host, systemClock), { kind: 'published', count: 1 });
  t.equal(published().length, 2);
});

t.test('a removal, a rollback and an account for a replica are on record as what they are', async (t) => {
  const { apply, published } = await hostOf(t);
  await apply(FIRST);
  await apply([change('change', 'release')], { desired: 'previous-release' });
  await apply([change('create', 'account')], {
    accountOrder: { host: 'db2' } as unknown as NonNullable<ConvergeOrder['accountOrder']>,
  });
  await apply([change('remove', 'release')], { desired: 'absent' });
  t.match(published().slice(1), [
    { kind: 'provision', desired: 'previous-release', changes: [{ action: 'change', kind: 'release', count: 1 }] },
    { kind: 'provision', desired: 'present', changes: [{ kind: 'account' }] },
    { kind: 'provision', desired: 'absent', recipients: { length: 0 } },
  ]);
  t.equal(published().length, 4);
});

t.test('a host without a signing key has nothing to sign with, and is none the worse', async (t) => {
  const { host, apply, waiting } = await hostOf(t);
  await rm(join(host.state.path, 'signing'), { recursive: true });
  t.strictSame(await apply(FIRST), []);
  t.strictSame(await waiting(), []);
});

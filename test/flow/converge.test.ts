import t from 'tap';
import { converge } from '../../lib/flow/converge.ts';
import { sliceOf } from '../../lib/flow/slice-of.ts';
import { readInventory } from '../../lib/inventory/read.ts';
import type { ConvergeOrder } from '../../lib/model/converge-order.ts';
import { CoffreError } from '../../lib/model/error.ts';
import type { FlowEvent } from '../../lib/model/event.ts';
import type { Change, Resource } from '../../lib/model/plan.ts';
import { systemClock } from '../../lib/system/clock.ts';
import { inventoryWith } from '../fixture/inventory.ts';

/*
 * Stand-ins for resources: what matters here is in which order they are looked at and changed, and what becomes of their
 * failures. The order is one for an account of a replica, after which nothing is tried on a database.
 */

const inventory = await readInventory(await inventoryWith(t));
const [host] = [...inventory.hosts.values()];
if (!host) throw new Error('the example has a host');

const settings = { path: t.testdir() };

const order = (apply: boolean): ConvergeOrder => ({
  slice: sliceOf({ ...host, settings }, inventory),
  ...{ desired: 'present', apply, farEnds: false, otherFolders: {}, controlTimeMs: Date.now() },
  accountOrder: {
    host: host.name,
    user: 'u',
    from: 'f',
    tls: false,
    want: 'present',
    privileges: [],
    login: 'unix_socket',
  },
});

/** A resource that says what is done to it, and is as it should be after the first `apply`. */
function standIn(kind: Change['kind'], log: string[], more: Partial<Resource> = {}): Resource {
  let done = false;
  return {
    kind,
    name: `the ${kind}`,
    async inspect() {
      log.push(`look ${kind}`);
      return done ? undefined : { action: 'create', kind, name: `the ${kind}`, lines: [] };
    },
    async apply() {
      log.push(`make ${kind}`);
      done = true;
    },
    ...more,
  };
}

function context(resources: readonly Resource[], signal = new AbortController().signal) {
  const events: FlowEvent[] = [];
  const emit = (event: FlowEvent) => void events.push(event);
  return { events, context: { release: undefined, clock: systemClock, emit, signal, resources } };
}

t.test('a plan only looks, and tells', async (t) => {
  const log: string[] = [];
  const { events, context: here } = context([standIn('folder', log), standIn('file', log)]);
  const { plan, applied } = await converge(order(false), here);
  t.strictSame(log, ['look folder', 'look file']);
  t.strictSame(
    plan.changes.map(({ kind }) => kind),
    ['folder', 'file'],
  );
  t.strictSame(applied, []);
  t.match(events, [{ kind: 'plan', plan }]);
});

t.test('each is made in its turn and looked at again', async (t) => {
  const log: string[] = [];
  const { events, context: here } = context([standIn('folder', log), standIn('file', log)]);
  const { applied } = await converge(order(true), here);
  t.strictSame(log, ['look folder', 'look file', 'make folder', 'look folder', 'make file', 'look file']);
  t.equal(applied.length, 2);
  t.strictSame(
    events.map(({ kind }) => kind),
    ['plan', 'phase-started', 'phase-ended', 'phase-started', 'phase-ended'],
  );
});

t.test('packages come first, and then all is planned anew', async (t) => {
  const log: string[] = [];
  let program = false;
  const packages = standIn('package', log);
  const needsProgram = standIn('account', log, {
    async inspect() {
      log.push('look account');
      if (!program) throw new CoffreError('program-missing', 'cannot find the program mariadb on this host');
      return undefined;
    },
  });
  const installed: Resource = {
    ...packages,
    async apply(change) {
      await packages.apply(change);
      program = true;
    },
  };
  const { events, context: here } = context([installed, standIn('folder', log), needsProgram]);
  const { applied } = await converge(order(true), here);
  t.strictSame(log.slice(0, 5), ['look package', 'look folder', 'look account', 'make package', 'look package']);
  t.strictSame(log.slice(5), ['look package', 'look folder', 'look account', 'make folder', 'look folder']);
  t.strictSame(
    applied.map(({ kind }) => kind),
    ['package', 'folder'],
  );
  t.equal(events.filter(({ kind }) => kind === 'plan').length, 2);
});

t.test('all obstacles are told at once, and nothing is changed', async (t) => {
  const log: string[] = [];
  const obstacle = (code: 'refused' | 'not-found', message: string, hint?: string): Resource =>
    standIn('file', log, {
      async inspect() {
        throw new CoffreError(code, message, { ...(hint === undefined ? {} : { hint }), findings: ['more'] });
      },
    });
  const one = obstacle('refused', 'cannot write a', 'move it');
  const other = obstacle('not-found', 'cannot find b');
  await t.rejects(converge(order(true), context([standIn('folder', log), one, other]).context), {
    ...{ code: 'refused', message: `cannot provision ${host.name}: 2 obstacles, the first: cannot write a` },
    ...{ hint: 'move it', findings: ['cannot write a (hint: move it)', 'more', 'cannot find b', 'more'] },
  });
  await t.rejects(converge(order(true), context([one]).context), { message: 'cannot write a', findings: ['more'] });
  const missing = standIn('account', log, {
    inspect: async () => Promise.reject(new CoffreError('program-missing', 'cannot find the program git')),
  });
  await t.rejects(converge(order(true), context([missing]).context), { code: 'program-missing' }, 'nobody brings it');
  t.notMatch(log.join(' '), 'make');
});

t.test('what is not as it should be after it was made is a failure, and ends it', async (t) => {
  const log: string[] = [];
  const stubborn = standIn('folder', log, { apply: async () => void log.push('make folder') });
  await t.rejects(converge(order(true), context([stubborn, standIn('file', log)]).context), {
    code: 'unexpected',
    message: /cannot create folder the folder: it is not as it should be afterwards/,
  });
  t.notOk(log.includes('make file'));
});

t.test('an interruption comes between two steps, and the lock is free again', async (t) => {
  const log: string[] = [];
  const control = new AbortController();
  const first = standIn('folder', log);
  const interrupting: Resource = {
    ...first,
    async apply(change) {
      control.abort(new CoffreError('interrupted', 'interrupted'));
      await first.apply(change);
    },
  };
  const resources = [interrupting, standIn('file', log)];
  await t.rejects(converge(order(true), context(resources, control.signal).context), { code: 'interrupted' });
  t.strictSame(log.slice(2), ['make folder', 'look folder']);
  const { applied } = await converge(order(true), context(resources).context);
  t.strictSame(
    applied.map(({ kind }) => kind),
    ['file'],
  );
});

t.test('two at once: the second hears who is at it, unless it only looks', async (t) => {
  const log: string[] = [];
  const slow = standIn('folder', log);
  let second: Promise<unknown> | undefined;
  const meanwhile: Resource = {
    ...slow,
    async apply(change) {
      second = converge(order(true), context([standIn('file', log)]).context).catch((error: unknown) => error);
      await second;
      t.match(await converge(order(false), context([standIn('file', log)]).context), { applied: [] });
      await slow.apply(change);
    },
  };
  await converge(order(true), context([meanwhile]).context);
  t.match(await second, { code: 'locked', message: new RegExp(`provision ${host.name}`), hint: /wait for it/ });
});

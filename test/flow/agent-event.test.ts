import t from 'tap';
import { agentEvent } from '../../lib/flow/agent-event.ts';
import { Converged } from '../../lib/model/converge-order.ts';

t.test('an event of an agent is passed on, by its name', async (t) => {
  const plan = { host: 'db1', changes: [], remarks: [] };
  t.strictSame(agentEvent({ event: 'plan', subject: 'db1', plan }), { kind: 'plan', subject: 'db1', plan });
  t.match(agentEvent({ event: 'phase-ended', subject: 'a', phase: 'create', durationMs: 3, more: 'x' }), {
    ...{ kind: 'phase-ended', durationMs: 3, more: undefined, event: undefined },
  });
});

t.test('a question of an agent is one only in its whole form', async (t) => {
  const run = '2026-11-22T040000Z';
  const about = { event: 'question', subject: 'control', id: 1 };
  const shown = {
    ask: 'passphrase',
    run,
    where: '/mnt',
    manifest: 'e30=',
    signature: '',
    wrappedKeys: { 'a.enc': '' },
  };
  const place = 0;
  const read = { ask: 'read', place, run, file: 'a.enc', start: 0, bytes: 1 };
  for (const question of [shown, { ask: 'runs', place }, read])
    t.match(agentEvent({ ...about, question }), { kind: 'question', id: 1, question });
  for (const question of [
    undefined,
    { ask: 'privateKey' },
    { ask: 'runs' },
    { ...shown, manifest: '{}' },
    { ...shown, wrappedKeys: { '../a.enc': '' } },
    { ...shown, run: '..' },
  ]) {
    t.equal(agentEvent({ ...about, question }), undefined, JSON.stringify(question));
  }
});

t.test('what has another form is none', async (t) => {
  for (const told of [
    ...[undefined, null, 'x', [], {}],
    { event: 'result', exitCode: 0 },
    { event: 'plan', subject: 'db1' },
    { event: 'plan', subject: 'db1', plan: { host: 'db1', changes: [{ action: 'explode' }], remarks: [] } },
    { event: 'phase-started', subject: { toString: 1 }, phase: 'x' },
    { event: 'warning', subject: 'db1', text: 'x' },
    { kind: 'note', subject: 'db1', text: 'x' },
  ]) {
    t.equal(agentEvent(told), undefined, JSON.stringify(told));
  }
});

t.test('a host cannot add a line to a file of keys', async (t) => {
  const plan = { host: 'db1', changes: [], remarks: [] };
  const rest = { plan, applied: [], identities: [], proofs: [], remarks: [], farEnds: [] };
  t.ok(Converged.safeParse({ ...rest, signingKey: 'ssh-ed25519 AAAA' }).success);
  for (const key of ['ssh-ed25519 AAAA\nssh-ed25519 BBBB', 'ssh-ed25519 AAAA me', 'AAAA', 'no-pty ssh-ed25519 AAAA']) {
    t.notOk(Converged.safeParse({ ...rest, signingKey: key }).success, key);
    const identities = [{ path: '/k', publicKey: key }];
    t.notOk(Converged.safeParse({ ...rest, signingKey: null, identities }).success, key);
  }
});

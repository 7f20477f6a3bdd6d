import t from 'tap';
import { CoffreError } from '../../lib/model/error.ts';
import type { FlowEvent } from '../../lib/model/event.ts';
import { putBackInFull, withPutBackInFull } from '../../tasks/put-back-words.ts';

const HINT = 'look; put it back: npx zx tasks/restore.ts --put-back shop --drop-first shop; then again';

t.test('the command that puts back finds the server that this restore has found', (t) => {
  const full = (values: object, words: readonly string[], text = HINT) => putBackInFull({ ...values }, words)(text);
  t.equal(full({}, []), HINT);
  t.equal(
    full({ on: 'db2', socket: '/run/a b.sock', 'defaults-file': 'x.cnf', key: 'k.pem', from: 'store' }, ['db1']),
    HINT.replace('.ts ', ".ts db1 --on db2 --socket '/run/a b.sock' --defaults-file x.cnf "),
  );
  t.equal(
    full({ on: 'db2' }, ['db1'], 'run: coffre restore --put-back shop'),
    'run: npx zx tasks/restore.ts db1 --on db2 --put-back shop',
    'as a host says it that does it for control',
  );
  t.equal(
    full({ signers: 'allowed_signers' }, ['db1']),
    HINT.replace('.ts ', '.ts --socket /run/mysqld/mysqld.sock '),
    'without an inventory no host is known by name',
  );
  t.end();
});

t.test('every hint says it so, but on a host that does it for control', async (t) => {
  const events: FlowEvent[] = [];
  const context = {
    values: { on: 'db2' },
    words: ['db1'],
    emit: (event: FlowEvent) => events.push(event),
    signal: new AbortController().signal,
    logTo: () => undefined,
  };
  const act = withPutBackInFull<object>(async ({ emit }) => {
    emit({ kind: 'warning', subject: 'shop', text: 'x', hint: HINT });
    throw new CoffreError('refused', 'cannot', { hint: HINT, findings: ['a'] });
  });
  const hint = HINT.replace('.ts ', '.ts db1 --on db2 ');
  await t.rejects(act(context), { code: 'refused', message: 'cannot', hint, findings: ['a'] });
  await t.rejects(act(context, {}), { code: 'refused', hint: HINT });
  t.match(events, [{ hint }, { hint: HINT }]);
});

t.test('a plan says it so in what it gives with --json, and all else stays what it is', async (t) => {
  const context = {
    ...{ values: { socket: '/run/x.sock', 'defaults-file': 'admin.cnf' }, words: ['db1'] },
    ...{ emit: () => undefined, signal: new AbortController().signal, logTo: () => undefined },
  };
  const at = new Date();
  const data = (hint: string) => ({ plan: { remarks: [{ kind: 'warning', hint }], n: 1, none: null, at } });
  const act = withPutBackInFull(async () => ({ text: HINT, data: data(HINT), exitCode: 8 }));
  const full = HINT.replace('.ts ', '.ts db1 --socket /run/x.sock --defaults-file admin.cnf ');
  t.strictSame(await act(context), { text: full, data: data(full), exitCode: 8 });
});

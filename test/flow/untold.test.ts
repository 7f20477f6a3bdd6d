import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { keepUntold, withUntold } from '../../lib/flow/untold.ts';
import { MOST_UNTOLD, type Untold } from '../../lib/model/untold-record.ts';

const each = (second: number): Untold => ({
  ...{ notifier: 'slack', event: 'failure' },
  at: new Date(Date.UTC(2026, 10, 22, 4, 0, second)).toISOString(),
});
const nobody = async (field: object) => field;

t.test('what could not be told is in one record, and in the next one again where that was not made', async (t) => {
  const folder = t.testdir({});
  t.strictSame(await withUntold(folder, nobody), {}, 'there is nothing to say');
  await keepUntold(folder, []);
  t.notOk(existsSync(join(folder, 'untold.json')));
  await keepUntold(folder, [each(1)]);
  await keepUntold(folder, [each(2)]);
  await t.rejects(withUntold(folder, () => Promise.reject(new Error('no place in the chain'))));
  t.strictSame(await withUntold(folder, nobody), { untold: [each(1), each(2)] });
  t.strictSame(await withUntold(folder, nobody), {});
  t.notOk(existsSync(join(folder, 'untold.json')));
});

t.test('what comes while the record is made stays for the one after it', async (t) => {
  const folder = t.testdir({});
  await keepUntold(folder, [each(1)]);
  await withUntold(folder, () => keepUntold(folder, [each(2)]));
  t.strictSame(await withUntold(folder, nobody), { untold: [each(2)] });
});

t.test('never more than a record takes, and nothing of a file that is damaged', async (t) => {
  const folder = t.testdir({});
  for (const from of [0, 30])
    await keepUntold(
      folder,
      Array.from({ length: 30 }, (_, second) => each(from + second)),
    );
  const { untold = [] } = (await withUntold(folder, nobody)) as { untold?: Untold[] };
  t.equal(untold.length, MOST_UNTOLD);
  t.strictSame(untold.at(-1), each(59), 'the newest stays');
  writeFileSync(join(folder, 'untold.json'), '[{"notifier":');
  t.strictSame(await withUntold(folder, nobody), {});
});

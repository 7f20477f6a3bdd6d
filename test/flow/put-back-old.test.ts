import t, { type Test } from 'tap';
import { type Aside, asideName } from '../../lib/database/aside.ts';
import { setAsideState } from '../../lib/database/aside-mark.ts';
import { execute, queryLines } from '../../lib/database/client.ts';
import { readDatabaseNames } from '../../lib/database/database-names.ts';
import { moveAside } from '../../lib/database/move-aside.ts';
import { lockReplacement } from '../../lib/database/replacement-lock.ts';
import { putBackOld } from '../../lib/flow/put-back-old.ts';
import { DatabaseName } from '../../lib/model/names.ts';
import { serverFor } from '../fixture/servers.ts';

/* What was moved aside comes back, and nobody's rows go for that without a word. */

const { root } = await serverFor(t);
const SHOP = DatabaseName.parse('shop');
let moments = 0;
const emit = () => undefined;

/** A restore that was killed once `shop` was out of its way. */
async function cutShort(state: Aside['state'] = 'moved'): Promise<DatabaseName> {
  moments += 1;
  const name = asideName(SHOP, new Date(Date.UTC(2026, 0, 1, 0, 0, moments)));
  await execute(
    root,
    'CREATE OR REPLACE DATABASE shop; CREATE TABLE shop.old (a INT); INSERT INTO shop.old VALUES (1)',
  );
  await moveAside(root, { name, database: SHOP, run: 'x' });
  await setAsideState(root, name, state);
  return name;
}
const tables = () => queryLines(root, 'SHOW TABLES FROM shop');
async function assertIsBack(t: Test) {
  t.strictSame(await tables(), ['old']);
  t.strictSame(
    (await readDatabaseNames(root)).filter((name) => name.includes('coffre')),
    [],
  );
}

t.test('into a place where nothing is, or an empty database', async (t) => {
  for (const place of ['DO 0', 'CREATE DATABASE shop CHARACTER SET latin1']) {
    const name = await cutShort();
    await execute(root, place);
    t.match(await putBackOld(root, ['shop'], [], emit), [{ database: 'shop', name }]);
    await assertIsBack(t);
  }
});

for (const [what, make] of [
  ['1 table', 'CREATE TABLE shop.made (a INT)'],
  ['1 view', 'CREATE VIEW shop.made AS SELECT 1'],
  ['1 routine', 'CREATE FUNCTION shop.made() RETURNS INT RETURN 1'],
  ['1 event', 'CREATE EVENT shop.made ON SCHEDULE EVERY 1 DAY DO DO 0'],
] as const) {
  t.test(`where there is ${what} by now, only once it is named`, async (t) => {
    await cutShort();
    await execute(root, `CREATE DATABASE shop; ${make}`);
    for (const named of [[], ['crm']]) {
      await t.rejects(putBackOld(root, ['shop'], named, emit), {
        code: 'refused',
        message: `cannot put shop back: in its place there is something (${what}) in which somebody may have worked since`,
        hint: /: npx zx tasks\/restore\.ts --put-back shop --drop-first shop$/,
      });
    }
    t.ok(
      (await queryLines(root, `SELECT COUNT(*) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = 'shop'`)).includes(
        '1',
      ),
    );
    await putBackOld(root, ['shop'], ['shop'], emit);
    await assertIsBack(t);
  });
}

t.test('what was kept comes back into a place that somebody has cleared, and not over the new one', async (t) => {
  await cutShort('kept');
  await execute(root, 'CREATE DATABASE shop; CREATE TABLE shop.newer (a INT)');
  await t.rejects(putBackOld(root, ['shop'], [], emit), { code: 'refused', hint: /--drop-first shop$/ });
  t.strictSame(await tables(), ['newer']);
  await execute(root, 'DROP DATABASE shop');
  await putBackOld(root, ['shop'], [], emit);
  await assertIsBack(t);
});

t.test('what was half put back goes on, beside what somebody has made there since', async (t) => {
  await cutShort('moving');
  await execute(root, 'CREATE DATABASE shop; CREATE TABLE shop.made (a INT)');
  await putBackOld(root, ['shop'], [], emit);
  t.strictSame(await tables(), ['made', 'old']);
});

t.test('not from under a restore that is at work', async (t) => {
  await cutShort();
  const lock = await lockReplacement(root, [SHOP], []);
  await t.rejects(putBackOld(root, ['shop'], ['shop'], emit), { code: 'locked', exitCode: 6 });
  await lock.release();
  await putBackOld(root, ['shop'], [], emit);
  await assertIsBack(t);
});

t.test('one that was verified, and one that never was', async (t) => {
  await cutShort('replaced');
  await t.rejects(putBackOld(root, ['shop'], ['shop'], emit), { code: 'refused', hint: /--run$/ });
  await t.rejects(putBackOld(root, ['crm'], [], emit), { code: 'not-found', hint: 'there is one of: shop' });
});

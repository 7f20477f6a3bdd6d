import t from 'tap';
import { type Ask, execute, query, queryLines } from '../../lib/database/client.ts';
import { CreatorTrust, endTrust, isTrustMark, readTrustMarks } from '../../lib/database/creator-trust.ts';
import { readDatabaseNames } from '../../lib/database/database-names.ts';
import { inspectSeedTarget } from '../../lib/database/seed-target.ts';
import { inspectTarget } from '../../lib/database/target.ts';
import { serverFor } from '../fixture/servers.ts';

/* That functions are taken from everybody is a setting of the whole server: nobody who was killed leaves it so for good. */

const { root } = await serverFor(t, { logBin: true });
const ask: Ask = (sql, row) => query(root, sql, row);
const trusts = async () => (await queryLines(root, 'SELECT @@GLOBAL.log_bin_trust_function_creators')).at(0);
const marks = async () => (await readDatabaseNames(root)).filter(isTrustMark);

t.test('it is set from beginning to end, and nothing is left of it, in the log either', async (t) => {
  const trust = await CreatorTrust.begin(root);
  t.equal(await trusts(), '1');
  t.match(await readTrustMarks(ask), [{ atWork: true }]);
  t.match(await inspectTarget(root), { storedCode: 'on-demand', leftTrusting: false }, 'it goes again');
  t.equal(await trusts(), '1', 'whoever looks changes nothing');
  await trust.end();
  t.strictSame([await trusts(), await marks()], ['0', []]);
  const events = await queryLines(root, "SHOW BINLOG EVENTS IN 'binlog.000001'");
  t.notMatch(events.join(), 'coffre_trust');
});

t.test('of two at once the last one sets it back', async (t) => {
  const [one, two] = [await CreatorTrust.begin(root), await CreatorTrust.begin(root)];
  await one.end();
  t.equal(await trusts(), '1');
  t.equal(await endTrust(root), false, 'nobody takes it from the one at work');
  await two.end();
  t.strictSame([await trusts(), await marks()], ['0', []]);
});

t.test('what one has left who was killed is found, and set back', async (t) => {
  await execute(
    root,
    'CREATE DATABASE __coffre_trust_0123456789abcdef; SET GLOBAL log_bin_trust_function_creators = 1',
  );
  const found = await inspectTarget(root);
  t.match(found, { storedCode: 'on-demand', leftTrusting: true });
  t.notOk([...found.databases].some(isTrustMark), 'it is no database of anybody');
  t.strictSame((await inspectSeedTarget(root)).databases, []);
  const other = await CreatorTrust.begin(root);
  t.equal(await endTrust(root), true);
  t.equal(await trusts(), '1', 'another one is at work');
  await other.end();
  t.strictSame([await trusts(), await marks()], ['0', []]);
  t.equal(await endTrust(root), false);
});

t.test("a person's own setting is nobody's to set back", async (t) => {
  await execute(root, 'SET GLOBAL log_bin_trust_function_creators = 1; CREATE DATABASE __coffre_trust_me');
  t.match(await inspectTarget(root), { storedCode: 'taken', leftTrusting: false });
  t.equal(await endTrust(root), false);
  t.equal(await trusts(), '1');
});

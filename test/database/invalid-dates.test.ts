import t from 'tap';
import { DumpReader } from '../../lib/archive/dump-reader.ts';
import { execute, queryLines } from '../../lib/database/client.ts';
import { dumpDatabase } from '../../lib/database/dump-database.ts';
import { allowInvalidDates } from '../../lib/database/invalid-dates.ts';
import { DeferredKeys } from '../../lib/flow/deferred-keys.ts';
import { LoadBudget } from '../../lib/flow/load-budget.ts';
import { loadDump } from '../../lib/flow/load-dump.ts';
import { DatabaseName } from '../../lib/model/names.ts';
import { collect } from '../bytes.ts';
import { runSql, serverFor } from '../fixture/servers.ts';

const MODE = "SQL_MODE='NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES' */;\n";
const SHOP = DatabaseName.parse('shop');

t.test('the head of a dump lets all dates in, once', (t) => {
  const head = Buffer.from("-- a\n/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;\n-- b\n");
  const allowing = allowInvalidDates(head);
  t.equal(allowing.toString(), `-- a\n/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, ${MODE}-- b\n`);
  t.equal(allowInvalidDates(allowing), allowing);
  const other = Buffer.from('SELECT 1;\n');
  t.equal(allowInvalidDates(other), other);
  t.end();
});

t.test('a date that no calendar has comes back, from a dump of today and from one of before', async (t) => {
  const server = await serverFor(t);
  await runSql(
    server,
    `CREATE DATABASE shop; USE shop; SET SESSION sql_mode = 'ALLOW_INVALID_DATES';
     CREATE TABLE d (id INT PRIMARY KEY, d DATE, KEY (d)); INSERT INTO d VALUES (1, '2020-02-31'), (2, '2020-02-29');`,
  );
  const sql = (await collect(await dumpDatabase(server.root, SHOP))).toString('latin1');
  t.ok(sql.includes(MODE));
  for (const text of [sql, sql.replace(',ALLOW_INVALID_DATES', '')]) {
    await execute(server.root, 'DROP DATABASE shop');
    const reader = new DumpReader({ splitsTables: true });
    const pieces = [...reader.push(Buffer.from(text, 'latin1')), ...reader.end()];
    await loadDump(
      (async function* () {
        yield* pieces;
      })(),
      {
        ...{ target: server.root, database: SHOP, budget: new LoadBudget(1), deferred: new DeferredKeys() },
        ...{ lateKeysBytes: 0, signal: new AbortController().signal },
      },
    );
    t.strictSame(await queryLines(server.root, 'SELECT d FROM shop.d ORDER BY id'), ['2020-02-31', '2020-02-29']);
  }
});

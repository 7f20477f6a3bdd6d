import t from 'tap';
import * as z from 'zod';
import { execute, query, queryLines } from '../../lib/database/client.ts';
import type { Connection } from '../../lib/database/connection.ts';
import { inspectServer } from '../../lib/database/inspect-server.ts';
import { loadSql } from '../../lib/database/load-sql.ts';
import { inspectTarget } from '../../lib/database/target.ts';
import { startThrowawayServer } from '../../lib/database/throwaway-server.ts';
import { compareContent, readContent } from '../../lib/flow/compare-content.ts';
import type { DatabaseName } from '../../lib/model/names.ts';
import { temporaryFolder } from '../temporary.ts';

const { path: folder, remove } = temporaryFolder();
const server = await startThrowawayServer({
  folder,
  logBin: true,
  extra: ['--binlog-format=STATEMENT', '--lower-case-table-names=1'],
});
t.teardown(async () => {
  await server.stop();
  remove();
});
const { root } = server;
await execute(root, 'SET GLOBAL sql_quote_show_create = 0');
const as = (user: string): Connection => ({ ...root, credentials: { kind: 'no-password', user } });

t.test('sequences go into a server that logs statements, where the session asks for rows', async (t) => {
  const sequence = 'CREATE DATABASE IF NOT EXISTS sq; CREATE OR REPLACE SEQUENCE sq.s; DO SETVAL(sq.s, 7, 0);';
  await t.rejects(loadSql(root, sequence), { message: /error 1665/ });
  t.equal((await inspectTarget(root)).sequences, 'on-demand');
  await loadSql({ ...root, mixedLog: true }, sequence);
  t.strictSame(await queryLines(root, 'SELECT next_not_cached_value FROM sq.s'), ['7']);
  await execute(
    root,
    "CREATE USER loader; GRANT CREATE, SELECT ON *.* TO loader; SET GLOBAL binlog_format = 'STATEMENT'",
  );
  t.equal((await inspectTarget(as('loader'))).sequences, 'refused');
  await execute(root, "SET GLOBAL binlog_format = 'MIXED'");
  t.equal((await inspectTarget(as('loader'))).sequences, 'taken');
});

t.test(
  'what is left out of a backup is named as the server compares names, and what is not there is known',
  async (t) => {
    await execute(root, 'CREATE DATABASE Scratch; CREATE DATABASE kept');
    const facts = await inspectServer(root, { exclude: ['Scratch', 'Nope'] });
    const names = facts.databases.map(({ name }) => name);
    t.notOk(names.includes('scratch' as never));
    t.ok(names.includes('kept' as never));
    t.strictSame([facts.exclude, facts.unknownExcludes], [['scratch'], ['Nope']]);
  },
);

t.test('code is kept with its quotes, whatever the server is set to', async (t) => {
  await loadSql(root, 'CREATE TABLE sq.t (i INT); CREATE TRIGGER sq.r BEFORE INSERT ON sq.t FOR EACH ROW SET @a = 1;');
  const Row = z.object({ definer: z.string() });
  const text = await query(
    root,
    "SELECT JSON_OBJECT('definer', DEFINER) FROM information_schema.TRIGGERS WHERE TRIGGER_NAME = 'r'",
    Row,
  );
  t.strictSame(text, [{ definer: 'root@localhost' }]);
  const created = await queryLines(root, 'SET SESSION sql_quote_show_create = 1; SHOW CREATE TRIGGER sq.r');
  t.match(created.join('\n'), /DEFINER=`root`@`localhost`/);
});

t.test('a sequence is the same sequence, whatever the server quotes', async (t) => {
  const database = 'quoted' as DatabaseName;
  const contentNow = () => readContent(root, [database]);
  await execute(root, 'CREATE DATABASE quoted; CREATE SEQUENCE quoted.s; CREATE SEQUENCE quoted.`odd name`');
  const unquoted = await contentNow();
  await execute(root, 'SET GLOBAL sql_quote_show_create = 1');
  t.strictSame(compareContent(unquoted, await contentNow()), []);
  await execute(root, 'ALTER SEQUENCE quoted.s INCREMENT BY 7');
  t.strictSame(compareContent(unquoted, await contentNow()), ['quoted: the sequence s differs']);
  await execute(root, 'SET GLOBAL sql_quote_show_create = 0');
});

t.test('a server that takes no changes says so in words', async (t) => {
  await execute(root, 'SET GLOBAL tx_read_only = 1');
  await t.rejects(loadSql(root, 'INSERT INTO sq.t VALUES (1)'), {
    code: 'refused',
    message: /the server takes no changes \(tx_read_only\)/,
    hint: /SET GLOBAL tx_read_only = 0/,
  });
  await execute(root, 'SET GLOBAL tx_read_only = 0');
});

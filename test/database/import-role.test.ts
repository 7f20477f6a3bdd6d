import t from 'tap';
import { execute, queryLines } from '../../lib/database/client.ts';
import type { Connection } from '../../lib/database/connection.ts';
import { keepGrantHere } from '../../lib/database/import-role.ts';
import { loadAccounts } from '../../lib/database/load-sql.ts';
import type { Bytes } from '../../lib/model/stages.ts';
import { start } from '../../lib/system/command.ts';
import { requireProgram } from '../../lib/system/programs.ts';
import { bareReplica, follow, primaryFor } from '../fixture/replica-pair.ts';
import { until } from '../until.ts';

/* A primary and its replica, real ones: what is loaded into the one is carried out by the other as somebody without a name. */

t.setTimeout(120_000);
const primary = await primaryFor(t);
const replica = await bareReplica(t, 11);
await follow(replica, primary);

async function* once(text: string, size = text.length): Bytes {
  for (let at = 0; at < text.length; at += size) yield Buffer.from(text.slice(at, at + size), 'latin1');
}
async function whole(bytes: Bytes): Promise<string> {
  let text = '';
  for await (const chunk of bytes) text += chunk.toString('latin1');
  return text;
}

async function dumpAccounts({ server }: Connection): Promise<string> {
  if (server.kind !== 'socket') throw new Error('a socket is expected');
  const words = ['--no-defaults', `--socket=${server.path}`, '--user=root', '--system=users', '--insert-ignore'];
  const running = start(requireProgram('mariadb-dump'), words);
  running.stdin.end();
  const [text, ended] = await Promise.all([whole(running.stdout as unknown as Bytes), running.ended]);
  if (ended.exitCode !== 0) throw new Error(ended.stderr);
  return text;
}

const usersOf = (connection: Connection) =>
  queryLines(connection, 'SELECT user, host FROM mysql.global_priv ORDER BY 1, 2');

t.test('accounts that are loaded into a primary make none without a name on its replica', async (t) => {
  await execute(
    primary.root,
    `CREATE USER app@'%' IDENTIFIED BY 'x'; CREATE ROLE staff; GRANT SELECT ON *.* TO staff; GRANT staff TO app@'%'`,
  );
  const dump = await dumpAccounts(primary.root);
  t.match(dump, /^GRANT mariadb_dump_import_role TO CURRENT_USER\(\);$/m, 'the program still does it so');
  await execute(primary.root, `DROP USER app@'%'; DROP ROLE staff`);
  t.strictSame(await loadAccounts(primary.root, once(dump)), []);
  await until(
    'the account is there',
    async () => (await queryLines(replica.root, "SELECT 1 FROM mysql.global_priv WHERE user = 'app'")).length > 0,
  );
  await execute(primary.root, 'CREATE DATABASE last');
  await until(
    'the database is there',
    async () => (await queryLines(replica.root, "SHOW DATABASES LIKE 'last'")).length > 0,
  );
  t.strictSame(await usersOf(replica.root), await usersOf(primary.root));
  t.match(await dumpAccounts(replica.root), /CREATE USER IF NOT EXISTS `app`@`%`/);
  t.strictSame(await queryLines(primary.root, 'SELECT @@GLOBAL.sql_log_bin'), ['1']);
});

t.test('is the same in pieces of any size, and where it was done already', async (t) => {
  const line = 'GRANT mariadb_dump_import_role TO CURRENT_USER();';
  const text = `a\n${line}\nx '${line}' y\nSET ROLE mariadb_dump_import_role;\nlast`;
  const quiet = await whole(keepGrantHere(once(text)));
  t.match(quiet, /^a\nEXECUTE IMMEDIATE .*\nGRANT .*\nEXECUTE IMMEDIATE .*\nx 'GRANT .*' y\nSET ROLE .*\nlast$/);
  for (const size of [1, 7, 50]) t.equal(await whole(keepGrantHere(once(text, size))), quiet, `${size} bytes`);
  t.equal(await whole(keepGrantHere(once(quiet))), quiet);
});

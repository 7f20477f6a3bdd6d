import t from 'tap';
import { withLogins } from '../../lib/archive/account-logins.ts';
import { DumpReader } from '../../lib/archive/dump-reader.ts';
import type { Piece } from '../../lib/archive/piece.ts';
import { queryLines } from '../../lib/database/client.ts';
import { dumpAccounts } from '../../lib/database/dump-database.ts';
import { loadAccounts } from '../../lib/database/load-sql.ts';
import { readServerAccounts } from '../../lib/database/server-accounts.ts';
import { accountsRestored } from '../../lib/flow/accounts-restored.ts';
import type { FlowEvent } from '../../lib/model/event.ts';
import { bytesOf, collect } from '../bytes.ts';
import { runSql, serverFor } from '../fixture/servers.ts';

/* Two real servers: accounts of the one are loaded into the other, where some are already and log in in another way. */

t.setTimeout(120_000);
const source = await serverFor(t, {});
const target = await serverFor(t, {});

await runSql(
  source,
  `CREATE USER IF NOT EXISTS root@localhost; ALTER USER root@localhost IDENTIFIED BY '';
   CREATE USER 'o''pen'@'%', changed@'%' IDENTIFIED BY 'new', socket@localhost IDENTIFIED VIA unix_socket;
   CREATE USER root@'%' IDENTIFIED BY 'far'; GRANT SELECT ON *.* TO changed@'%', 'o''pen'@'%';`,
);
await runSql(
  target,
  `CREATE USER IF NOT EXISTS root@localhost;
   ALTER USER root@localhost IDENTIFIED VIA unix_socket OR mysql_native_password USING PASSWORD('kept');
   CREATE USER 'o''pen'@'%' IDENTIFIED BY 'demo-only', changed@'%' IDENTIFIED BY 'old', socket@localhost IDENTIFIED BY 'x';
   CREATE USER root@'%' IDENTIFIED BY 'another';`,
);

async function* piecesOf(dump: Buffer): AsyncGenerator<Piece> {
  const reader = new DumpReader({ splitsTables: true });
  for await (const chunk of bytesOf(dump)) yield* reader.push(chunk);
  yield* reader.end();
}

const backup = await collect(await dumpAccounts(source.root));
const there = await readServerAccounts(target.root);
const kept = [there.own, ...there.installed];
const loginOf = (name: string) => queryLines(target.root, `SHOW CREATE USER ${name}`);

t.test('what a server is installed with, and who is logged in, are known', async (t) => {
  t.equal(there.own, '`root`@`localhost`');
  t.ok(there.installed.includes('`root`@`localhost`'));
  t.notOk(there.installed.includes('`root`@`%`'), 'nobody installs a server with that one');
  t.ok(there.secured.has("`o'pen`@`%`"));
  t.notOk((await readServerAccounts(source.root)).secured.has("`o'pen`@`%`"), 'it has no password there');
});

t.test('all accounts get the password of the backup, and only those keep their own', async (t) => {
  const before = await loginOf('root@localhost');
  const sql = withLogins(bytesOf(backup), { kept: new Set(kept), emptied: there.secured });
  t.strictSame(await loadAccounts(target.root, sql), []);
  t.strictSame(await loginOf('root@localhost'), before, 'who restores can still come in');
  const events: FlowEvent[] = [];
  const context = { target: target.root, emit: (event: FlowEvent) => events.push(event), keptLogins: kept };
  const found = await accountsRestored(piecesOf(backup), null, context);
  t.strictSame(found, {
    differences: [],
    undecided: [],
    keptLogins: [
      'the account `root`@`localhost` keeps the password, or whatever it logs in by, that it had here: the backup has another',
    ],
  });
  t.match(events, [{ kind: 'note', subject: 'accounts', text: found.keptLogins[0] }]);
  t.notMatch((await loginOf("'o''pen'@'%'")).join(), 'IDENTIFIED', 'it has none in the backup, and has none now');
  t.match((await loginOf('socket@localhost')).join(), 'unix_socket');
});

t.test('any other account that differs is told, and where it is not known, it is undecided', async (t) => {
  await runSql(target, "ALTER USER changed@'%' IDENTIFIED BY 'other';");
  const context = { target: target.root, emit: () => undefined, keptLogins: kept };
  const sentence = 'the account `changed`@`%` has another password, or another way to log in';
  t.strictSame((await accountsRestored(piecesOf(backup), null, context)).differences, [sentence]);
  const other = await accountsRestored(piecesOf(backup), 'another version', context);
  t.match(other, { differences: [], undecided: [sentence] });
});

t.test('accounts that cannot be read are undecided, with a hint that fits', async (t) => {
  await runSql(target, "INSERT INTO mysql.global_priv VALUES ('', '', '{}');"); // as from a replicated GRANT … TO CURRENT_USER()
  const events: FlowEvent[] = [];
  const context = { target: target.root, emit: (event: FlowEvent) => events.push(event) };
  const found = await accountsRestored(piecesOf(backup), null, context);
  t.match(found, { differences: [], undecided: [/^cannot be compared: /] });
  t.match(events, [{ kind: 'warning', text: /the server does not know it/, hint: /mysql\.global_priv/ }]);
});

import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import type { AccountHost } from '../../lib/database/account-options.ts';
import { absentAccountResources, accountResources } from '../../lib/database/account-resources.ts';
import { accountFromOrder } from '../../lib/database/backup-account.ts';
import { execute, queryLines } from '../../lib/database/client.ts';
import { connectionOf } from '../../lib/database/connection.ts';
import { formerAccounts } from '../../lib/database/former-accounts.ts';
import { inspectServer } from '../../lib/database/inspect-server.ts';
import { parseOptionFile } from '../../lib/database/option-file-text.ts';
import { NEEDED_PRIVILEGES } from '../../lib/database/privileges.ts';
import { proveAccount } from '../../lib/database/prove-account.ts';
import { replicaState } from '../../lib/database/replica-state.ts';
import { primaryAccountOrder, replicatedAccount } from '../../lib/database/replicated-account.ts';
import { startThrowawayServer } from '../../lib/database/throwaway-server.ts';
import { AccountOrder } from '../../lib/model/account-order.ts';
import { HostName } from '../../lib/model/names.ts';
import type { Resource } from '../../lib/model/plan.ts';
import { accountHost, converge } from '../fixture/account.ts';
import { runSql } from '../fixture/servers.ts';
import { temporaryFolder } from '../temporary.ts';
import { until } from '../until.ts';

const folder = temporaryFolder();
const [primary, replica] = await Promise.all([
  startThrowawayServer({ folder: join(folder.path, 'primary'), logBin: true, network: true }),
  startThrowawayServer({
    folder: join(folder.path, 'replica'),
    logBin: true,
    extra: ['--server-id=2', '--log-slave-updates', '--read-only=1'],
  }),
]);
t.teardown(async () => {
  await Promise.all([primary.stop(), replica.stop()]);
  folder.remove();
});
await execute(
  primary.root,
  "CREATE USER repl@'127.0.0.1' IDENTIFIED BY 'r'; GRANT REPLICATION SLAVE ON *.* TO repl@'127.0.0.1'; CREATE DATABASE shop",
);
await execute(
  replica.root,
  `CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = ${primary.port}, MASTER_USER = 'repl',
   MASTER_PASSWORD = 'r', MASTER_USE_GTID = slave_pos; START SLAVE`,
);
const written = () => queryLines(replica.root, "SHOW BINLOG EVENTS IN 'binlog.000001'");

t.test('tells a replica, whom it follows, and that it is read-only', async (t) => {
  t.strictSame(await replicaState(primary.root), { readOnly: false, primaries: [] });
  t.match(await replicaState(replica.root), {
    readOnly: true,
    primaries: [{ address: '127.0.0.1', port: primary.port }],
  });
});

t.test('makes no account on a read-only replica, and says where it is made', async (t) => {
  const host = await accountHost(t, replica);
  const [file, account] = accountResources(host);
  await converge(file ? [file] : []);
  await t.rejects(converge(account ? [account] : []), {
    code: 'refused',
    message: "cannot make or drop the account 'bkpuser'@'localhost': the server is read-only",
    hint: new RegExp(`it follows 127.0.0.1:${primary.port}: name the host of that server in database.replicaOf`),
  });
});

t.test('on a replica that takes writes the account is made, and its log says nothing of it', async (t) => {
  const host = await accountHost(t, replica, { user: 'bkplocal' });
  const before = (await written()).filter((line) => !line.includes('Gtid_list')).length;
  await execute(replica.root, 'SET GLOBAL read_only = 0');
  await converge(accountResources(host));
  t.match((await queryLines(replica.root, 'SHOW GRANTS FOR bkplocal@localhost')).join(), /GRANT SELECT, .*`bkplocal`/);
  t.equal((await written()).filter((line) => !line.includes('Gtid_list')).length, before);
  t.strictSame(await queryLines(primary.root, "SELECT 1 FROM mysql.global_priv WHERE user = 'bkplocal'"), []);
  await converge(absentAccountResources(host));
  await execute(replica.root, 'SET GLOBAL read_only = 1');
  t.equal((await written()).filter((line) => !line.includes('Gtid_list')).length, before);
});

t.test('the primary makes the account of its replica by an order, and replication brings it', async (t) => {
  const db1 = await accountHost(t, primary, { user: 'bkpdb1' });
  const db2 = await accountHost(t, replica, { user: 'bkpdb2' }, { name: 'db2', replicaOf: 'db1' });
  await converge(accountResources(db1));
  const [file, account] = accountResources(db2);
  if (!file || !account) throw new Error('a resource is missing');
  await t.rejects(primaryAccountOrder(db2, 'present'), { code: 'not-found', hint: /my.cnf/ });
  await converge([file]);
  t.match((await account.inspect())?.lines, [
    /^ written on db1 \(127.0.0.1:\d+\), not here; replication brings it$/,
    /^\+IDENTIFIED/,
    /^\+PASSWORD EXPIRE NEVER/,
    /^\+GRANT/,
    '+a record of it in the state folder of db1',
  ]);
  const text = JSON.stringify(await primaryAccountOrder(db2, 'present'));
  const password = parseOptionFile(await readFile(db2.database.optionFile, 'latin1'))?.password ?? '';
  t.ok(password.length > 40 && !text.includes(password), 'the password stays at home');
  const order = AccountOrder.parse(JSON.parse(text));
  await t.rejects(applied(replicatedAccount(db2, { waitMs: 0 })), {
    code: 'database-unreachable',
    message: /has not brought it/,
  });
  t.match((await converge([accountFromOrder(order, db1)])).join('\n'), /^\+IDENTIFIED[\s\S]*\+GRANT[\s\S]*\+record in/);
  await applied(account);
  t.equal(await account.inspect(), undefined);
  t.strictSame(await converge([accountFromOrder(order, db1), ...accountResources(db1), ...accountResources(db2)]), []);
  const connection = connectionOf(db2.database);
  t.ok((await proveAccount(connection, await inspectServer(connection, db2.database))).length > 0);
  t.ok(
    (await written()).every((line) => !/\tCREATE USER|\tGRANT/.test(line) || line.split('\t')[3] === '1'),
    'nothing was written there',
  );

  // Somebody changes it on the primary: the replica tells, the order mends it, though the password is another one.
  await execute(
    primary.root,
    "SET PASSWORD FOR bkpdb2@localhost = PASSWORD('x'); GRANT INSERT ON *.* TO bkpdb2@localhost",
  );
  await until('it shows', async () => (await account.inspect()) !== undefined);
  await converge([accountFromOrder(order, db1), account]);
  t.equal(await account.inspect(), undefined);

  const planned = await Promise.all(absentAccountResources(db2).map((resource) => resource.inspect()));
  t.match(planned.at(-1)?.lines, [
    " on db1, unless another host needs it: the account 'bkpdb2'@'localhost' and its record go",
    `-${db2.database.optionFile}`,
  ]);
  const removal = await primaryAccountOrder(db2, 'absent');
  await converge([accountFromOrder(removal, db1), ...absentAccountResources(db2)]);
  t.strictSame(await converge([accountFromOrder(removal, db1), ...absentAccountResources(db2)]), []);
  await t.rejects(queryLines(primary.root, 'SHOW GRANTS FOR bkpdb2@localhost'));
  t.strictSame(await converge(accountResources(db1)), [], 'the own account of the primary is as it was');
});

t.test('an account that two hosts need goes with the last of them', async (t) => {
  const db1 = await accountHost(t, primary, { user: 'shared', login: 'unix_socket' });
  const db2 = await accountHost(
    t,
    replica,
    { user: 'shared', login: 'unix_socket' },
    { name: 'db2', replicaOf: 'db1' },
  );
  const account = accountResources(db1).slice(-1);
  await converge(account);
  await converge([accountFromOrder(await primaryAccountOrder(db2, 'present'), db1)]);
  t.strictSame(await converge(account), []);
  t.strictSame(await converge(absentAccountResources(db1).slice(0, 1)), ['-needed by db1', ' needed by db2']);
  t.strictSame(await converge(absentAccountResources(db1).slice(0, 1)), []);
  await queryLines(primary.root, 'SHOW GRANTS FOR shared@localhost');
  await converge([accountFromOrder(await primaryAccountOrder(db2, 'absent'), db1)]);
  await t.rejects(queryLines(primary.root, 'SHOW GRANTS FOR shared@localhost'));
});

t.test(
  'of two hosts that share an account, one of which locks tables, neither takes from the other what it needs',
  async (t) => {
    const shared = { user: 'locking', login: 'unix_socket' } as const;
    const lists = await accountHost(t, primary, shared);
    const locks = await accountHost(t, replica, shared, { name: 'db2', replicaOf: 'db1', nonTransactional: 'lock' });
    const own = accountResources(lists).slice(-1);
    const mayLock = async () =>
      /LOCK TABLES/.test((await queryLines(primary.root, 'SHOW GRANTS FOR locking@localhost')).join());
    await converge(own);
    t.equal(await mayLock(), false);
    const order = await primaryAccountOrder(locks, 'present');
    await converge([accountFromOrder(order, lists)]);
    t.equal(await mayLock(), true);
    t.strictSame(await converge([...own, accountFromOrder(order, lists), ...own]), [], 'nothing is undone in turn');
    t.equal(await mayLock(), true);
    await applied(replicatedAccount(locks));
    const listsAgain = { ...locks, database: { ...locks.database, nonTransactional: 'list' as const } };
    t.equal(await replicatedAccount(listsAgain).inspect(), undefined, 'a replica does not know with whom it shares');
    await converge([accountFromOrder(await primaryAccountOrder(locks, 'absent'), lists)]);
    t.match(await converge(own), ['-GRANT LOCK TABLES, SLAVE MONITOR ON *.*'], 'what nobody else may need goes');
    t.equal(await mayLock(), false);
  },
);

t.test('tells when replication stands still, and when there is none', async (t) => {
  const db2 = await accountHost(t, replica, { user: 'late' }, { name: 'db2', replicaOf: 'db1' });
  await execute(replica.root, 'STOP SLAVE');
  await t.rejects(applied(replicatedAccount(db2, { waitMs: 0 })), { message: /replication stands still/ });
  const alone = await accountHost(t, primary, {}, { replicaOf: 'db7' });
  await t.rejects(replicatedAccount(alone).inspect(), { code: 'refused', message: /this server is no replica of it/ });
});

const DB2 = HostName.parse('db2');
const users = () =>
  queryLines(primary.root, "SELECT user FROM mysql.user WHERE user RLIKE '^bkp(new|user|gone|shared)' ORDER BY user");
const renamed = (host: AccountHost, user: string): AccountHost => ({
  ...host,
  database: { ...host.database, account: { ...host.database.account, user } },
});
/** What goes when `host` is provisioned as it is now. */
const gone = async (host: AccountHost) =>
  converge(await formerAccounts(host, host.name, { user: host.database.account.user, from: 'localhost' }));

t.test('an account that was made under a former name goes, with what is remembered of it', async (t) => {
  const host = await accountHost(t, primary);
  t.strictSame(await gone(host), [], 'nothing is remembered yet');
  await converge(accountResources(host));
  t.strictSame(await gone(host), [], 'the account of today stays');

  const now = renamed(host, 'bkpnew');
  await converge(accountResources(now));
  t.strictSame(await users(), ['bkpnew', 'bkpuser']);
  t.match(await gone(now), [/^-IDENTIFIED/, /^-GRANT SELECT/, /^-record in /]);
  t.strictSame(await users(), ['bkpnew']);
  t.strictSame(await gone(now), [], 'nothing the second time');
  t.equal((await readdir(join(host.state.path, 'accounts'))).length, 1);
});

t.test('one that somebody dropped is forgotten, and a file that is no record is passed over', async (t) => {
  const host = await accountHost(t, primary, { user: 'bkpgone' });
  await converge(accountResources(host));
  await runSql(primary, 'DROP USER bkpgone@localhost;');
  await writeFile(join(host.state.path, 'accounts/x.json'), '{"user": "root"');
  const now = renamed(host, 'bkpnew');
  t.match(await gone(now), [/^-record in /]);
  t.strictSame(await gone(now), []);
  await rm(host.state.path, { recursive: true });
  t.strictSame(await gone(now), []);
});

t.test('one that another host needs stays until that one has another name, too', async (t) => {
  const host = await accountHost(t, primary, { user: 'bkpshared', login: 'unix_socket' });
  const order = { host: DB2, user: 'bkpshared', from: 'localhost', tls: false, want: 'present' } as const;
  await converge(accountResources(host));
  await converge([accountFromOrder({ ...order, login: 'unix_socket', privileges: [...NEEDED_PRIVILEGES] }, host)]);
  const now = renamed(host, 'bkpnew');
  t.strictSame(await gone(now), ['-needed by db1', ' needed by db2']);
  t.ok((await users()).includes('bkpshared'));
  t.strictSame(await gone(now), [], 'the host itself has nothing to do with it any more');
  t.match(await converge(await formerAccounts(now, DB2, { user: 'bkpdb2', from: 'localhost' })), [/IDENTIFIED/]);
  t.notOk((await users()).includes('bkpshared'));
});

/** Carries out whatever is planned. */
function applied(account: Resource): Promise<void> {
  return account.apply({ action: 'create', kind: account.kind, name: account.name, lines: [] });
}

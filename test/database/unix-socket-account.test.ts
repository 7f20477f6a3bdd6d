import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import * as z from 'zod';
import { absentAccountResources, accountResources } from '../../lib/database/account-resources.ts';
import { adminConnection } from '../../lib/database/admin-connection.ts';
import { execute, query, queryLines } from '../../lib/database/client.ts';
import { type Connection, connectionOf } from '../../lib/database/connection.ts';
import { dumpDatabase } from '../../lib/database/dump-database.ts';
import { inspectServer } from '../../lib/database/inspect-server.ts';
import { proveAccount } from '../../lib/database/prove-account.ts';
import { openSnapshot } from '../../lib/database/snapshot.ts';
import { systemUser, systemUserRemark } from '../../lib/database/system-user.ts';
import { startThrowawayServer } from '../../lib/database/throwaway-server.ts';
import { DatabaseName } from '../../lib/model/names.ts';
import { run } from '../../lib/system/command.ts';
import { assertUserName, findSystemUser, processUser } from '../../lib/system/users.ts';
import { accountHost, converge } from '../fixture/account.ts';
import { textsOf } from '../fixture/dumps.ts';
import { runSql } from '../fixture/servers.ts';
import { temporaryFolder } from '../temporary.ts';

const isRoot = process.geteuid?.() === 0;
const folder = temporaryFolder();
await chmod(folder.path, 0o755); // the socket is for others, too
const server = await startThrowawayServer({ folder: folder.path, logBin: true });
t.teardown(async () => {
  await server.stop();
  folder.remove();
});
await runSql(server, 'CREATE DATABASE shop; CREATE TABLE shop.t (a INT PRIMARY KEY); INSERT INTO shop.t VALUES (7);');

// Root takes one that every machine has; anybody else can be nobody but himself.
const user = isRoot ? 'nobody' : (processUser() ?? '');

t.test('a backup with an account that has no password runs as the system user of its name', async (t) => {
  const host = await accountHost(t, server, { user, login: 'unix_socket' });
  const resources = accountResources(host);
  t.strictSame((await converge(resources)).slice(0, 5), [
    '+[client]',
    `+user = "${user}"`,
    '+IDENTIFIED VIA unix_socket',
    '+PASSWORD EXPIRE NEVER',
    '+GRANT SELECT, SHOW VIEW, TRIGGER, EVENT, RELOAD, PROCESS ON *.*',
  ]);
  t.strictSame(await converge(resources), []);
  t.equal(await readFile(host.database.optionFile, 'utf8'), `[client]\nuser = "${user}"\n`);
  const connection = connectionOf(host.database);
  const who = z.object({ who: z.string() });
  t.strictSame(await query(connection, "SELECT JSON_OBJECT('who', USER())", who), [{ who: `${user}@localhost` }]);
  const facts = await inspectServer(connection, host.database);
  t.match(await proveAccount(connection, facts), [{ kind: 'proven' }]);
  const snapshot = await openSnapshot(connection, facts);
  const texts = [...(await textsOf(snapshot)).values()];
  await snapshot.close();
  t.equal(texts.length, 2);
  t.match(texts.join(), /INSERT INTO `t` VALUES[\s\S]*\(7\)/);
  t.match(await textOf(await dumpDatabase(connection, DatabaseName.parse('shop'))), /Dump completed/);

  // Back and forth between the two kinds of login, by the record of what was made.
  const withPassword = {
    ...host,
    database: { ...host.database, account: { ...host.database.account, login: 'password' as const } },
  };
  t.match(
    (await converge(accountResources(withPassword))).join('\n'),
    /-IDENTIFIED VIA unix_socket\n\+IDENTIFIED VIA mysql/,
  );
  await execute(connectionOf(withPassword.database), 'DO 0');
  t.match(
    (await converge(resources)).join('\n'),
    /-password \(not for a login by unix_socket\)[\s\S]*\+IDENTIFIED VIA unix_socket/,
  );
  await writeFile(host.database.optionFile, `[client]\nuser = ${user}\npassword = x\n`);
  t.match(await converge(resources), ['-password (not for a login by unix_socket)', /^\+record in/]);
  t.strictSame(await converge(resources), []);
  await converge(absentAccountResources(host));
  await t.rejects(queryLines(server.root, `SHOW GRANTS FOR '${user}'@localhost`));
});

t.test('logs in as administrator by the user of the process, where the inventory names no option file', async (t) => {
  const { database } = await accountHost(t, server);
  const { admin, ...without } = database;
  t.match(adminConnection(database).credentials, { kind: 'option-file', path: admin?.optionFile });
  t.strictSame(adminConnection(without), {
    server: { kind: 'socket', path: server.socket },
    credentials: { kind: 'unix-socket', user: processUser() },
  });
  if (isRoot) await execute(adminConnection(without), 'DO 0');
  const { account, exclude, optionFile, snapshot, nonTransactional } = without;
  const remote = {
    account,
    exclude,
    optionFile,
    snapshot,
    nonTransactional,
    address: 'db.example.net',
    port: 3306,
    tls: { ca: '/ca.pem' },
  };
  t.throws(() => adminConnection(remote), { code: 'inventory', hint: /database.admin.optionFile/ });
});

t.test('refuses what cannot be a system user, and one that is not there', async (t) => {
  for (const name of ['-x', '0', '1000', 'a b', '$(id)', 'a:b', 'a\nb', 'x'.repeat(33), '']) {
    t.throws(() => assertUserName(name), { code: 'inventory' }, JSON.stringify(name));
    if (!/[\n:]/.test(name)) t.equal(await findSystemUser(name), undefined, JSON.stringify(name));
  }
  t.throws(() => systemUser({ database: { account: { user: '-x', login: 'unix_socket' } } } as never), {
    code: 'inventory',
  });
  const as: Connection = { server: server.root.server, credentials: { kind: 'unix-socket', user: 'coffre-nowhere' } };
  await t.rejects(execute(as, 'DO 0'), {
    code: isRoot ? 'not-found' : 'refused',
    message: /system user coffre-nowhere/,
  });
  const host = await accountHost(t, server, { user: 'coffre-nowhere', login: 'unix_socket' });
  t.match(await systemUser(host)?.inspect(), { action: 'create', kind: 'user', name: 'coffre-nowhere' });
  t.equal(await systemUserRemark(host), undefined);
  t.equal(systemUser(await accountHost(t, server)), undefined, 'none is needed for a password');
  t.equal(systemUser(await accountHost(t, server, { user: processUser() ?? '', login: 'unix_socket' })), undefined);
});

/** Runs a program that sees a copy of /etc in the place of /etc. */
const OWN_ETC = 'cp -a /etc "$1/etc" && mount --bind "$1/etc" /etc && shift && exec "$@"';

const ownEtc = isRoot && (await run('unshare', ['--mount', 'true'])).exitCode === 0;
const skip = ownEtc ? false : 'needs root and a mount namespace: it would change the users of this machine';

t.test('makes the system user, once, and takes backups as that one', { skip }, async (t) => {
  const before = await readFile('/etc/passwd', 'utf8');
  const own = temporaryFolder();
  t.teardown(() => own.remove());
  await chmod(own.path, 0o755);
  const program = fileURLToPath(new URL('../fixture/converge-account.ts', import.meta.url));
  const words = [process.execPath, ...process.execArgv, program, own.path, 'coffrebkp'];
  const { stdout, stderr } = await run('unshare', ['--mount', 'sh', '-c', OWN_ETC, 'sh', own.path, ...words]);
  if (stdout === '') t.comment(stderr);
  const told = JSON.parse(stdout || '{}');
  t.equal(told.first?.[0], '+coffrebkp: a system user, no home, shell /usr/sbin/nologin');
  t.strictSame(told.second, []);
  t.ok(told.dumps?.length === 1 && told.dumps[0] > 0);
  const entry = /^coffrebkp:.*$/m.exec(await readFile(join(own.path, 'etc/passwd'), 'utf8'))?.[0];
  t.match(entry, /^coffrebkp:x:\d{3}:\d{3}::[^:]*:\/usr\/sbin\/nologin$/);
  t.equal(await readFile('/etc/passwd', 'utf8'), before, 'this machine is as it was');
});

async function textOf(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString();
}

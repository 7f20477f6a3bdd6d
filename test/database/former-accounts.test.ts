import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import type { AccountHost } from '../../lib/database/account-options.ts';
import { accountResources } from '../../lib/database/account-resources.ts';
import { accountFromOrder } from '../../lib/database/backup-account.ts';
import { queryLines } from '../../lib/database/client.ts';
import { formerAccounts } from '../../lib/database/former-accounts.ts';
import { NEEDED_PRIVILEGES } from '../../lib/database/privileges.ts';
import { startThrowawayServer } from '../../lib/database/throwaway-server.ts';
import { HostName } from '../../lib/model/names.ts';
import { accountHost, converge } from '../fixture/account.ts';
import { runSql } from '../fixture/servers.ts';
import { temporaryFolder } from '../temporary.ts';

const folder = temporaryFolder();
const server = await startThrowawayServer({ folder: folder.path });
t.teardown(async () => {
  await server.stop();
  folder.remove();
});
const DB2 = HostName.parse('db2');
const users = () => queryLines(server.root, "SELECT user FROM mysql.user WHERE user LIKE 'bkp%' ORDER BY user");
const renamed = (host: AccountHost, user: string): AccountHost => ({
  ...host,
  database: { ...host.database, account: { ...host.database.account, user } },
});
/** What goes when `host` is provisioned as it is now. */
const gone = async (host: AccountHost) =>
  converge(await formerAccounts(host, host.name, { user: host.database.account.user, from: 'localhost' }));

t.test('an account that was made under a former name goes, with what is remembered of it', async (t) => {
  const host = await accountHost(t, server);
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
  const host = await accountHost(t, server, { user: 'bkpgone' });
  await converge(accountResources(host));
  await runSql(server, 'DROP USER bkpgone@localhost;');
  await writeFile(join(host.state.path, 'accounts/x.json'), '{"user": "root"');
  const now = renamed(host, 'bkpnew');
  t.match(await gone(now), [/^-record in /]);
  t.strictSame(await gone(now), []);
  await rm(host.state.path, { recursive: true });
  t.strictSame(await gone(now), []);
});

t.test('one that another host needs stays until that one has another name, too', async (t) => {
  const host = await accountHost(t, server, { user: 'bkpshared', login: 'unix_socket' });
  const order = { host: DB2, user: 'bkpshared', from: 'localhost', tls: false, want: 'present' } as const;
  const privileges = [...NEEDED_PRIVILEGES];
  await converge(accountResources(host));
  await converge([accountFromOrder({ ...order, login: 'unix_socket', privileges }, host)]);
  const now = renamed(host, 'bkpnew');
  t.strictSame(await gone(now), ['-needed by db1', ' needed by db2']);
  t.ok((await users()).includes('bkpshared'));
  t.strictSame(await gone(now), [], 'the host itself has nothing to do with it any more');
  t.match(await converge(await formerAccounts(now, DB2, { user: 'bkpdb2', from: 'localhost' })), [/IDENTIFIED/]);
  t.notOk((await users()).includes('bkpshared'));
});

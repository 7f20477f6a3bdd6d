import { chmod, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import type { AccountHost } from '../../lib/database/account-options.ts';
import { absentAccountResources, accountResources } from '../../lib/database/account-resources.ts';
import { adoptedPasswordRemark } from '../../lib/database/adopted-password.ts';
import { execute, queryLines } from '../../lib/database/client.ts';
import { connectionOf } from '../../lib/database/connection.ts';
import { inspectServer } from '../../lib/database/inspect-server.ts';
import { nativeHash } from '../../lib/database/native-hash.ts';
import { parseOptionFile } from '../../lib/database/option-file-text.ts';
import { proveAccount } from '../../lib/database/prove-account.ts';
import { openSnapshot } from '../../lib/database/snapshot.ts';
import { startThrowawayServer, type ThrowawayServer } from '../../lib/database/throwaway-server.ts';
import type { Change, Resource } from '../../lib/model/plan.ts';
import { accountHost, converge } from '../fixture/account.ts';
import { textsOf } from '../fixture/dumps.ts';
import { readyData } from '../fixture/ready-data.ts';
import { runSql } from '../fixture/servers.ts';
import { temporaryFolder } from '../temporary.ts';

const folder = temporaryFolder();
// The strictest way to write strings that a server can be set to: nothing here may depend on the usual one.
await readyData(folder.path);
const server: ThrowawayServer = await startThrowawayServer({
  folder: folder.path,
  logBin: true,
  extra: ['--general-log=1', '--general-log-file=all.log', '--sql-mode=ANSI_QUOTES,NO_BACKSLASH_ESCAPES'],
});
t.teardown(async () => {
  await server.stop();
  folder.remove();
});
await runSql(
  server,
  `CREATE DATABASE shop; CREATE TABLE shop.t (a INT PRIMARY KEY, b INT); CREATE VIEW shop.v AS SELECT a FROM shop.t;
   CREATE TRIGGER shop.tr BEFORE INSERT ON shop.t FOR EACH ROW SET NEW.b = 1; CREATE PROCEDURE shop.p() SELECT 1;
   CREATE EVENT shop.e ON SCHEDULE EVERY 1 DAY DO DO 0; CREATE ROLE auditors; CREATE ROLE readers;`,
);
const sql = (text: string) => execute(server.root, text);
const passwordOf = async (path: string) => parseOptionFile(await readFile(path, 'latin1'))?.password ?? '';
const grantsOf = (account: string) => queryLines(server.root, `SHOW GRANTS FOR ${account}`);
const modeOf = async (path: string) => ((await stat(path)).mode & 0o7777).toString(8);
const ME = "'bkpuser'@'localhost'";
const LOGIN = '+IDENTIFIED VIA mysql_native_password (the password of the option file)';

/** The option file and the account of a host. */
function parts(host: AccountHost): { readonly file: Resource; readonly account: Resource } {
  const [file, account] = accountResources(host).slice(-2);
  if (!file || !account) throw new Error('a resource is missing');
  return { file, account };
}

async function planned(resource: Resource): Promise<Change> {
  const change = await resource.inspect();
  if (!change) throw new Error(`nothing is planned for ${resource.name}`);
  return change;
}

/** No account of an earlier test. */
const afresh = () => sql(`DROP USER IF EXISTS ${ME}`);

t.test('makes the option file and the account from nothing, and does nothing the second time', async (t) => {
  const host = await accountHost(t, server);
  const resources = accountResources(host);
  t.strictSame(await converge(resources), [
    '+[client]',
    '+user = "bkpuser"',
    '+password = (a random one, made on this host)',
    '+IDENTIFIED VIA mysql_native_password (the password of the option file)',
    '+PASSWORD EXPIRE NEVER',
    '+GRANT SELECT, SHOW VIEW, TRIGGER, EVENT, RELOAD, PROCESS ON *.*',
    `+record in ${join(host.state.path, 'accounts', (await readdir(join(host.state.path, 'accounts')))[0] ?? '')}`,
  ]);
  t.strictSame(await converge(resources), []);
  t.equal(await modeOf(host.database.optionFile), '600');
  const password = await passwordOf(host.database.optionFile);
  t.match(password, /^[A-Za-z0-9_-]{43}$/);
  t.match(await grantsOf(ME), [
    `GRANT SELECT, RELOAD, PROCESS, SHOW VIEW, EVENT, TRIGGER ON *.* TO \`bkpuser\`@\`localhost\` IDENTIFIED BY PASSWORD '${nativeHash(password)}'`,
  ]);
});

t.test('the account that was made takes a backup of everything, and no log knows its password', async (t) => {
  await afresh();
  const host = await accountHost(t, server);
  await converge(accountResources(host));
  const connection = connectionOf(host.database);
  const facts = await inspectServer(connection, host.database);
  t.match(facts.databases, [{ name: 'shop', counts: { tables: 1, views: 1, routines: 1, triggers: 1, events: 1 } }]);
  const proofs = await proveAccount(connection, facts);
  t.ok(
    proofs.every(({ kind }) => kind === 'proven'),
    JSON.stringify(proofs),
  );
  const snapshot = await openSnapshot(connection, facts);
  const texts = [...(await textsOf(snapshot)).values()];
  await snapshot.close();
  t.ok(snapshot.record.binlog, 'the place in the binary log is known without BINLOG MONITOR');
  t.match(texts.join(), /TRIGGER[\s\S]*EVENT[\s\S]*PROCEDURE/);
  const password = await passwordOf(host.database.optionFile);
  await sql('FLUSH LOGS');
  const data = join(folder.path, 'data');
  const logs = (await readdir(data)).filter((name) => name === 'all.log' || name.startsWith('binlog.0'));
  const content = (await Promise.all(logs.map((name) => readFile(join(data, name), 'latin1')))).join();
  t.match(content, /CREATE USER/, 'the logs were on');
  t.notOk(content.includes(password));
});

/** What an administrator does to the account, and what the plan then says: some at once, to save time. */
const drifts: Readonly<Record<string, readonly (readonly [sql: string, ...lines: string[]])[]>> = {
  'grants on parts of the server': [
    [`GRANT ALL ON \`od\`\`d\`.* TO ${ME} WITH GRANT OPTION`, '-GRANT ALL PRIVILEGES ON `od``d`.* WITH GRANT OPTION'],
    [`GRANT USAGE ON shop.* TO ${ME} WITH GRANT OPTION`, '-GRANT USAGE ON `shop`.* WITH GRANT OPTION'],
    [`GRANT SELECT ON \`a ON \`\` TO x; DROP\`.* TO ${ME}`, '-GRANT SELECT ON `a ON `` TO x; DROP`.*'],
    [`GRANT DELETE, UPDATE (b) ON shop.t TO ${ME}`, '-GRANT UPDATE (`b`), DELETE ON `shop`.`t`'],
    [`GRANT EXECUTE ON PROCEDURE shop.p TO ${ME}`, '-GRANT EXECUTE ON PROCEDURE `shop`.`p`'],
  ],
  'grants on the whole server, and roles': [
    [`REVOKE TRIGGER, EVENT ON *.* FROM ${ME}`, '+GRANT TRIGGER, EVENT ON *.*'],
    [`GRANT INSERT, FILE ON *.* TO ${ME}`, '-GRANT INSERT, FILE ON *.*'],
    [`GRANT auditors TO ${ME} WITH ADMIN OPTION`, '-GRANT `auditors` WITH ADMIN OPTION'],
    [`GRANT readers TO ${ME}; SET DEFAULT ROLE readers FOR ${ME}`, '-DEFAULT ROLE `readers`', '-GRANT `readers`'],
  ],
  'the right to be somebody else': [
    [
      `GRANT PROXY ON 'x'@'y' TO ${ME} WITH GRANT OPTION`,
      '-GRANT PROXY ON `x`@`y` WITH GRANT OPTION',
      '-GRANT USAGE ON *.* WITH GRANT OPTION',
    ],
  ],
  'all privileges': [
    [
      `GRANT ALL ON *.* TO ${ME} WITH GRANT OPTION`,
      '-GRANT ALL PRIVILEGES ON *.* WITH GRANT OPTION',
      '+GRANT SELECT, SHOW VIEW, TRIGGER, EVENT, RELOAD, PROCESS ON *.*',
    ],
  ],
  'conditions and limits': [
    [`ALTER USER ${ME} ACCOUNT LOCK`, '-ACCOUNT LOCK'],
    [`ALTER USER ${ME} PASSWORD EXPIRE INTERVAL 3 DAY`, '-PASSWORD EXPIRE INTERVAL 3 DAY', '+PASSWORD EXPIRE NEVER'],
    [`ALTER USER ${ME} REQUIRE ISSUER '/CN=x WITH GRANT OPTION'`, '-REQUIRE ISSUER, SUBJECT OR CIPHER'],
    [`ALTER USER ${ME} WITH MAX_QUERIES_PER_HOUR 3`, '-MAX_QUERIES_PER_HOUR 3'],
    [
      `ALTER USER ${ME} WITH MAX_USER_CONNECTIONS 7 MAX_STATEMENT_TIME 1.5`,
      '-MAX_USER_CONNECTIONS 7',
      '-MAX_STATEMENT_TIME 1.5',
    ],
  ],
  'an expired password': [[`ALTER USER ${ME} PASSWORD EXPIRE`, '-PASSWORD EXPIRE']],
  'another password': [
    [`SET PASSWORD FOR ${ME} = PASSWORD('other')`, '-IDENTIFIED VIA mysql_native_password (a password)', LOGIN],
  ],
  'no password': [[`SET PASSWORD FOR ${ME} = ''`, '-IDENTIFIED VIA mysql_native_password (no password)', LOGIN]],
  'a second login': [
    [
      `ALTER USER ${ME} IDENTIFIED VIA unix_socket OR mysql_native_password USING PASSWORD('x')`,
      '-IDENTIFIED VIA mysql_native_password (a password, and others)',
      LOGIN,
    ],
  ],
  'an account that was dropped': [
    [
      `DROP USER ${ME}`,
      LOGIN,
      '+PASSWORD EXPIRE NEVER',
      '+GRANT SELECT, SHOW VIEW, TRIGGER, EVENT, RELOAD, PROCESS ON *.*',
    ],
  ],
};

t.test('tells what somebody did to the account, without a hash, and mends it', async (t) => {
  await afresh();
  const host = await accountHost(t, server);
  const resources = accountResources(host);
  await converge(resources);
  const password = await passwordOf(host.database.optionFile);
  const before = await grantsOf(ME);
  for (const [name, some] of Object.entries(drifts)) {
    await runSql(server, `SET sql_mode = '';\n${some.map(([statement]) => `${statement};`).join('\n')}`);
    const lines = await converge(resources);
    // Servers of one release series differ in how they quote this one.
    const same = lines.map((line) => line.replace(/^(-GRANT PROXY ON) '(.*?)'@'(.*?)'/, '$1 `$2`@`$3`'));
    t.strictSame([...same].sort(), some.flatMap(([, ...each]) => each).sort(), name);
    t.notMatch(lines.join('\n'), /\*[0-9A-F]{40}/, name);
    t.strictSame(await grantsOf(ME), before, `${name} is mended`);
  }
  t.strictSame(await converge(resources), []);
  t.equal(await passwordOf(host.database.optionFile), password);
});

t.test('mends the option file: mode, user, password', async (t) => {
  await afresh();
  const host = await accountHost(t, server);
  const path = host.database.optionFile;
  const resources = accountResources(host);
  await converge(resources);
  const first = await passwordOf(path);

  await chmod(path, 0o400);
  t.strictSame(await converge(resources), ['-mode 0400', '+mode 0600']);
  t.equal(await passwordOf(path), first, 'nobody else could read it: it stays');

  await chmod(path, 0o640);
  const lines = await converge(resources);
  t.match(
    lines.join('\n'),
    /^-mode 0640\n\+mode 0600\n-password \(others could read it\)\n\+password = \(a random one/,
  );
  const second = await passwordOf(path);
  t.not(second, first);
  t.equal(await modeOf(path), '600');

  await writeFile(path, `# by hand\n[client]\nuser = other\npassword = "${second}"\nport = 3307\n`);
  t.strictSame(await converge(resources), ['-user = "other"', '+user = "bkpuser"']);
  t.equal(await readFile(path, 'utf8'), `# by hand\n[client]\nuser = "bkpuser"\npassword = "${second}"\nport = 3307\n`);

  await writeFile(path, '[client\npassword = x\n');
  t.match((await converge(resources)).join('\n'), /no option file[\s\S]*a random one/);
  await rm(path);
  t.match((await converge(resources)).join('\n'), /a random one[\s\S]*-IDENTIFIED[\s\S]*\+IDENTIFIED/);
  t.strictSame(await converge(resources), []);
  await execute(connectionOf(host.database), 'DO 0');

  await rm(path);
  await symlink('/dev/null', path);
  await t.rejects(parts(host).file.inspect(), { code: 'refused' });
});

t.test(
  'adopts an account that was made by hand, by its password; and replaces one that others could read',
  async (t) => {
    for (const mode of [0o600, 0o644]) {
      await afresh();
      const host = await accountHost(t, server);
      const path = host.database.optionFile;
      const resources = accountResources(host);
      await runSql(
        server,
        `SET sql_mode = ''; CREATE USER ${ME} IDENTIFIED BY 'it''s # "a" \\\\ word'; GRANT SELECT ON *.* TO ${ME};`,
      );
      await writeFile(path, '[client]\nuser = bkpuser\npassword = "it\'s # \\"a\\" \\\\ word" # ours\n', { mode });
      const { file, account } = parts(host);
      const plan = (await planned(account)).lines.join('\n');
      t.match(plan, /\+GRANT SHOW VIEW, TRIGGER, EVENT, RELOAD, PROCESS ON/);
      t.equal(/IDENTIFIED/.test(plan), mode !== 0o600, 'the plan knows already that the password will be another one');
      const remark = await adoptedPasswordRemark(host, [await planned(account)]);
      t.match(
        remark?.text,
        mode === 0o600 ? /was not made here, and becomes that of 'bkpuser'@'localhost'/ : undefined,
      );
      t.equal(await adoptedPasswordRemark(host, []), undefined, 'the account has it, and nothing changes');
      // Killed after the option file: the account still has the former password, and is still known.
      if (mode !== 0o600) await file.apply(await planned(file));
      await converge(resources);
      t.strictSame(await converge(resources), []);
      t.equal((await passwordOf(path)) === 'it\'s # "a" \\ word', mode === 0o600);
      await execute(connectionOf(host.database), 'DO 0');
    }
  },
);

t.test('leaves alone what it did not make', async (t) => {
  await afresh();
  const host = await accountHost(t, server);
  const { account } = parts(host);
  const untouched = async (user: string, from: string, login: 'password' | 'unix_socket', hint: RegExp) => {
    const other = await accountHost(t, server, { user, from, login });
    const resource = parts(other).account;
    const before = await grantsOf(`'${user}'@'${from}'`);
    await t.rejects(resource.inspect(), { code: 'refused', message: hint });
    await t.rejects(resource.apply({ action: 'change', kind: 'account', name: '', lines: [] }), /refused|cannot/);
    t.strictSame(await grantsOf(`'${user}'@'${from}'`), before);
  };
  await runSql(server, `CREATE USER ${ME} IDENTIFIED BY 'someone''s';`);
  await t.rejects(account.inspect(), {
    code: 'refused',
    message: "cannot take over the account 'bkpuser'@'localhost': it was not made by this host",
    hint: /drop it/,
  });
  t.strictSame(await converge(absentAccountResources(host)), [], 'nor is it dropped');
  await grantsOf(ME);
  await untouched('root', 'localhost', 'unix_socket', /it is an administrator's/);
  await untouched('mariadb.sys', 'localhost', 'password', /it is an administrator's/);
  await runSql(server, 'CREATE USER chief@localhost IDENTIFIED VIA unix_socket; GRANT ALL ON *.* TO chief@localhost;');
  await untouched('chief', 'localhost', 'unix_socket', /was not made by this host/);
  await runSql(server, "CREATE USER somebody@localhost IDENTIFIED VIA unix_socket USING 'chief';");
  await untouched('somebody', 'localhost', 'unix_socket', /was not made by this host/);
});

t.test('a name of any characters is a name', async (t) => {
  const users = ['a`b\'c"\\ $(touch x) `id`', "'; DROP USER root; --\n%", 'naïve ☃ -- GRANT x TO `y`'];
  for (const [index, user] of users.entries()) {
    const host = await accountHost(t, server, { user, from: index % 2 ? '%' : 'localhost' });
    const resources = accountResources(host);
    const lines = await converge(resources);
    t.notMatch(lines.join(), /\p{Cc}/u, 'and forges no line');
    t.strictSame(await converge(resources), [], JSON.stringify(user));
    await execute(connectionOf(host.database), 'DO 0');
    await converge(absentAccountResources(host));
    t.strictSame(await converge(absentAccountResources(host)), []);
  }
  const host = await accountHost(t, server, { user: 'a\0b' });
  t.throws(() => accountResources(host), { code: 'inventory' });
});

t.test('takes itself away: the account, the file, the record', async (t) => {
  await afresh();
  const host = await accountHost(t, server);
  await converge(accountResources(host));
  const lines = await converge(absentAccountResources(host));
  t.match(lines, [
    '-IDENTIFIED VIA mysql_native_password (a password)',
    /^-GRANT SELECT/,
    /^-record in/,
    `-${host.database.optionFile}`,
  ]);
  t.strictSame(await converge(absentAccountResources(host)), []);
  await t.rejects(grantsOf(ME));
  t.strictSame(await readdir(join(host.state.path, 'accounts')), []);
});

t.test('killed after any statement, the next run finishes', async (t) => {
  const host = await accountHost(t, server);
  const resources = accountResources(host);
  const { file } = parts(host);
  await afresh();
  await file.apply(await planned(file));
  const hash = nativeHash(await passwordOf(host.database.optionFile));
  const create = `CREATE USER ${ME} IDENTIFIED VIA mysql_native_password USING '${hash}'`;
  for (const done of [[create], [create, `GRANT SELECT ON *.* TO ${ME}`], [create, `GRANT ALL ON shop.* TO ${ME}`]]) {
    await afresh();
    await rm(host.state.path, { recursive: true, force: true });
    await runSql(server, `${done.join(';\n')};`);
    await converge(resources);
    t.strictSame(await converge(resources), []);
  }
});

t.test('two that provision at once both succeed', async (t) => {
  await afresh();
  const host = await accountHost(t, server);
  const { file, account } = parts(host);
  await converge([file]);
  const change = await planned(account);
  t.equal(await adoptedPasswordRemark(host, [change]), undefined, 'the password was made here');
  await Promise.all([account.apply(change), account.apply(change), account.apply(change)]);
  t.equal(await account.inspect(), undefined);
});

t.test('proves each privilege by its use, and names all that are refused', async (t) => {
  await afresh();
  const host = await accountHost(t, server);
  await converge(accountResources(host));
  const connection = connectionOf(host.database);
  const facts = { version: '10.11.0-MariaDB' };
  for (const privilege of ['SHOW VIEW', 'TRIGGER', 'EVENT', 'RELOAD', 'PROCESS', 'SELECT']) {
    await sql(`REVOKE ${privilege} ON *.* FROM ${ME}`);
    await t.rejects(proveAccount(connection, facts), {
      code: 'account-lacks-privilege',
      message: new RegExp(privilege),
    });
    await sql(`GRANT ${privilege} ON *.* TO ${ME}`);
  }
  await sql(`REVOKE EVENT, RELOAD ON *.* FROM ${ME}`);
  await t.rejects(proveAccount(connection, facts), { message: /EVENT, RELOAD$/ });
});

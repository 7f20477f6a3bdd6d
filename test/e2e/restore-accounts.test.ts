import { readFile } from 'node:fs/promises';
import t from 'tap';
import { execute, queryLines } from '../../lib/database/client.ts';
import { writeDurably } from '../../lib/system/files.ts';
import { serverFor } from '../fixture/servers.ts';
import { eventsOf } from '../fixture/task.ts';
import { worldFor } from '../fixture/world.ts';

/* Accounts come back into a server that has some of them already, one of which is the one that the restore is logged in as. */

t.setTimeout(120_000);
const world = await worldFor(t, { shopRows: 1 });
await execute(
  world.server.root,
  `CREATE USER app@'%' IDENTIFIED BY 'of-the-backup'; GRANT SELECT ON shop.* TO app@'%'; CREATE USER open@'%'`,
);
await world.goodRun();

const fresh = await serverFor(t);
const socket = '--socket';
await execute(
  fresh.root,
  `CREATE USER app@'%' IDENTIFIED BY 'another'; CREATE USER open@'%' IDENTIFIED BY 'another';
   CREATE USER 'mysql'@'localhost' IDENTIFIED VIA unix_socket;
   ALTER USER root@localhost IDENTIFIED BY 'of-this-server'`,
);
const optionsOf = async (name: string, password: string) => {
  const path = world.at(name);
  await writeDurably(path, `[client]\nuser = root\npassword = "${password}"\nsocket = "${fresh.socket}"\n`, 0o600);
  return path;
};
const options = await optionsOf('fresh.cnf', 'of-this-server');
const asRoot = { server: fresh.root.server, credentials: { kind: 'option-file', path: options } } as const;
const restore = (...words: string[]) =>
  world.restore(['--accounts', socket, fresh.socket, '--defaults-file', options, ...words]);
const loginOf = async (account: string) =>
  (await queryLines(asRoot, `SHOW CREATE USER ${account}`)).join().replace(/^CREATE USER \S+ ?/, '');
const KEEPS =
  /`root`@`localhost`, as which this restore is logged in, and `mysql`@`localhost`, with which the server was/;

t.test('the plan says who keeps its password, and the result who has another one in the backup', async (t) => {
  const plan = await restore('--dry-run');
  t.equal(plan.exitCode, 0, plan.stderr);
  t.match(plan.stdout, KEEPS);
  const before = await loginOf('root@localhost');
  t.match(before, /IDENTIFIED BY PASSWORD/);
  const done = await restore('--json');
  t.equal(done.exitCode, 0, done.stdout + done.stderr);
  const said = /the account `root`@`localhost` keeps the password, or whatever it logs in by, that it had here/;
  const keptLogins = ['`root`@`localhost`', '`mysql`@`localhost`'];
  t.match(eventsOf(done).at(-1), { data: { plan: { keptLogins }, keptLogins: [said] } });
  t.equal(await loginOf('root@localhost'), before, 'nobody is locked out');
  t.match(await loginOf("app@'%'"), await passwordInBackup());
  t.equal(await loginOf("open@'%'"), '', 'as in the backup');
  t.match(await queryLines(asRoot, "SHOW GRANTS FOR app@'%'"), [/./, 'GRANT SELECT ON `shop`.* TO `app`@`%`']);
});

async function passwordInBackup(): Promise<RegExp> {
  const [line = ''] = await queryLines(world.server.root, "SHOW CREATE USER app@'%'");
  const [hash = 'none'] = /\*[0-9A-F]{40}/.exec(line) ?? [];
  return new RegExp(hash.replace('*', '\\*'));
}

t.test('an account without a password that has one in the backup is warned of', async (t) => {
  await execute(world.server.root, "ALTER USER root@localhost IDENTIFIED BY 'of-the-backup'");
  const admin = await readFile(world.adminOptions, 'utf8');
  await writeDurably(world.adminOptions, `${admin}password = "of-the-backup"\n`, 0o600);
  await world.goodRun();
  await execute(asRoot, "ALTER USER root@localhost IDENTIFIED BY ''");
  await optionsOf('fresh.cnf', '');
  const done = await restore();
  t.equal(done.exitCode, 0, done.stdout + done.stderr);
  t.match(done.stderr, /the account `root`@`localhost` needs no password here, as before, and needs one in the backup/);
  t.match(done.stderr, /give it one: ALTER USER `root`@`localhost` IDENTIFIED BY/);
});

t.test('accounts that cannot be compared are no success, and the hint says what keeps them from it', async (t) => {
  await execute(asRoot, "INSERT INTO mysql.global_priv VALUES ('', '', '{}')");
  const done = await restore();
  t.equal(done.exitCode, 3, done.stdout + done.stderr);
  t.match(
    done.stderr,
    /accounts: cannot be compared: .* an account stands in the table of accounts, and the server does not/,
  );
  t.match(done.stderr, /then: DELETE FROM mysql\.global_priv WHERE user = '' AND host = ''; FLUSH PRIVILEGES;/);
  await execute(asRoot, "DELETE FROM mysql.global_priv WHERE user = '' AND host = ''; FLUSH PRIVILEGES");
  t.equal((await restore()).exitCode, 0);
});

import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import type { Connection, ServerAddress } from '../../lib/database/connection.ts';
import { assertNamesServer, parseVariables } from '../../lib/database/option-file-server.ts';

/* Which server an option file means is asked of MariaDB's own client, and has to be the one that everything goes to. */

const folder = t.testdir({ 'real.sock': '' });
await symlink(join(folder, 'real.sock'), join(folder, 'a link.sock'));
let files = 0;

async function meant(server: ServerAddress, ...lines: readonly string[]): Promise<void> {
  files += 1;
  const path = join(folder, `${files}.cnf`);
  await writeFile(path, `[client]\nuser = root\npassword = "geheim --host=elsewhere"\n${lines.join('\n')}\n`, {
    mode: 0o600,
  });
  const connection: Connection = { server, credentials: { kind: 'option-file', path } };
  await assertNamesServer(connection);
}

const SOCKET = { kind: 'socket', path: join(folder, 'real.sock') } as const;
const TLS = { kind: 'tls', address: 'db1.example.net', port: 3307, ca: '/ca.pem' } as const;
const refused = (other: string) => ({
  code: 'refused',
  exitCode: 8,
  message: new RegExp(`the option file .*\\.cnf names ${other}, and it would be the database at `),
  hint: /--socket PATH/,
});

t.test('a file that names no server, or this one, is taken', async () => {
  await meant(SOCKET);
  await meant(SOCKET, `socket = "${SOCKET.path}"`, 'port = 3306', 'host = localhost');
  await meant(SOCKET, `socket = "${join(folder, 'a link.sock')}"`);
  await meant(TLS);
  await meant(TLS, 'host = db1.example.net', 'port = 3307', 'socket = /run/mysqld/mysqld.sock');
});

t.test('a file that names another one is refused', async (t) => {
  await t.rejects(meant(SOCKET, 'socket = /run/other.sock'), refused('the socket /run/other.sock'));
  await t.rejects(meant(SOCKET, 'host = db2', `socket = "${SOCKET.path}"`), refused('the host db2'));
  await t.rejects(meant(SOCKET, 'port = 3307'), refused('the port 3307'));
  await t.rejects(meant(SOCKET, 'protocol = tcp'), refused('the port 3306 \\(protocol = tcp\\)'));
  await t.rejects(meant(TLS, 'host = db2.example.net'), refused('the host db2.example.net'));
  await t.rejects(meant(TLS, 'port = 3306'), refused('the port 3306'));
  await t.rejects(meant(TLS, 'socket = /run/mysqld/mysqld.sock'), refused('the socket /run/mysqld/mysqld.sock'));
  await t.rejects(
    meant(SOCKET, '[mariadb-client]', 'host = db3'),
    refused('the host db3'),
    'in whichever group it reads',
  );
});

t.test('no word of the password is told, and none is taken for a server', async (t) => {
  const error = await meant(SOCKET, 'port = 1').then(
    () => t.fail('it is refused'),
    (failure: unknown) => failure,
  );
  t.notMatch(JSON.stringify([error, String(error), (error as Error).stack]), 'geheim');
});

t.test("the client's table of variables is read, blanks and all", async (t) => {
  const table = (text: string) =>
    `host  no\nand boolean options {FALSE|TRUE}  Value (after reading options)\n--- ---\n${text}`;
  t.strictSame(
    parseVariables(table('host      (No default value)\nport    0\nsocket      /run/my odd/a b.sock\nprotocol   \n')),
    {
      socket: '/run/my odd/a b.sock',
    },
  );
  t.strictSame(parseVariables(table('')), {});
  t.equal(parseVariables('host  no\n'), undefined);
});

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { clientFailure, errorLine, errorNumber } from '../../lib/database/client-failure.ts';
import type { Connection } from '../../lib/database/connection.ts';
import { start } from '../../lib/system/command.ts';
import { temporaryFolder } from '../fixture/signer.ts';

const connection: Connection = {
  server: { kind: 'socket', path: '/run/mysqld/mysqld.sock' },
  credentials: { kind: 'option-file', path: '/etc/coffre/my.cnf' },
};

t.test('finds the number in each form in which the programs print it', async (t) => {
  t.equal(errorNumber('ERROR 1064 (42000) at line 3: You have an error'), 1064);
  t.equal(errorNumber('mariadb-dump: Got error: 1045: "Access denied for user" when trying to connect'), 1045);
  t.equal(errorNumber('mariadb-dump: Error 2013: Lost connection to server during query when dumping table'), 2013);
  t.equal(errorNumber("mariadb-dump: Couldn't execute 'SHOW FIELDS FROM `v`': View refers to (1356)"), 1356);
  t.equal(
    errorNumber('--------------\nINSERT INTO t VALUES (1234)\n--------------\n\nERROR 1062 (23000) at line 1: Dup'),
    1062,
  );
  const early =
    'Received error packet before completion of TLS handshake. The following cannot be verified: 1040 - Too many';
  t.equal(errorNumber(`ERROR 2002 (HY000): ${early}`), 1040);
  t.equal(errorNumber(`mariadb-dump: Got error: 2002: "${early}" when trying to connect`), 1040);
  t.equal(errorNumber('mariadb: unknown option'), undefined);
});

t.test('finds the line at which a load has failed, and no other number', async (t) => {
  const statement = '--------------\nSELECT 1 AS `x\nERROR 1 (1) at line 7`\n--------------\n\n';
  t.equal(errorLine(`${statement}ERROR 1118 (42000) at line 42: Row size too large at line 9`), 42);
  t.equal(errorLine("ERROR 2002 (HY000): Can't connect to local server"), undefined);
});

t.test('keeps nothing of what the program printed but the number', async (t) => {
  for (const number of [1045, 1142, 1064, 2002, 9999]) {
    const stderr = `--------------\nINSERT INTO t VALUES ('secret')\n--------------\nERROR ${number} (42000) at line 1: near 'secret'`;
    const error = clientFailure('ask', connection, { exitCode: 1, stderr });
    t.notMatch(JSON.stringify([error.message, error.hint, error.findings, String(error.cause)]), 'secret');
    t.ok(error.hint);
  }
});

t.test('names the option file when the password is wrong', async (t) => {
  const error = clientFailure('ask', connection, { exitCode: 1, stderr: "ERROR 1045 (28000): Access denied for 'x'" });
  t.equal(error.code, 'database-unreachable');
  t.match(error.message, 'access denied for the account');
  t.match(error.hint, '/etc/coffre/my.cnf');
});

t.test('names the option of the server that forbids it, and no value', (t) => {
  const told = (option: string) =>
    clientFailure('ask', connection, {
      exitCode: 1,
      stderr: `--------------\nSELECT 'secret'\n--------------\n\nERROR 1290 (HY000) at line 1: The MariaDB server is running with the ${option} option so it cannot execute this statement\n`,
    });
  t.match(told('--max-thread-mem-used'), {
    code: 'refused',
    message: "cannot ask: the server's option --max-thread-mem-used forbids it",
    hint: /SHOW GLOBAL VARIABLES/,
  });
  t.match(told('--secret=x'), { message: "cannot ask: the server's option --secret forbids it" });
  t.match(told("'odd' text"), { message: 'cannot ask: an option of the server forbids it' });
  t.end();
});

t.test('a program that a signal has ended is a matter of the host, not of the server', async (t) => {
  const running = start('sleep', ['60']);
  running.child.kill('SIGKILL');
  t.match(clientFailure('dump the database `shop`', connection, await running.ended), {
    code: 'dump-failed',
    message: 'cannot dump the database `shop`: the program was killed by SIGKILL',
    hint: /dmesg \| tail/,
  });
  t.match(clientFailure('ask', connection, { exitCode: 2, stderr: '' }), { hint: /journalctl -u mariadb/ });
});

t.test('names the table that was changed while its rows were dumped, and no other text', (t) => {
  const told = (rest: string) =>
    clientFailure('dump the database `shop`', connection, { exitCode: 3, stderr: `mariadb-dump: Error ${rest}\n` });
  const changed = '1412: Table definition has changed, please retry transaction';
  t.match(told(`${changed} when dumping table \`a \`\`b\` at row: 7`), {
    code: 'schema-changed',
    message: 'cannot dump the database `shop`: the table `a ``b` was changed or emptied during the dump',
    hint: /let no schema change run/,
  });
  for (const rest of [
    changed,
    `${changed} when dumping table t at row: 7`,
    `${changed} \`x\` when dumping table \`t\` at row: 7`,
  ])
    t.match(told(rest), { message: 'cannot dump the database `shop`: a table was changed or emptied during the dump' });
  t.notMatch(told('2013: Lost connection to server during query when dumping table `t` at row: 7').message, '`t`');
  t.end();
});

t.test('a disk that is full is told as that, whatever the server was at', (t) => {
  const told = (line: string) =>
    clientFailure('load', connection, { exitCode: 1, stderr: `--------------\nINSERT\n--------------\n\n${line}\n` });
  for (const line of [
    `ERROR 3 (HY000) at line 7: Error writing file './shop/t.MYD' (Errcode: 28 "No space left on device")`,
    `ERROR 1026 (HY000) at line 7: Error writing file '/tmp/MYfd=31' (Errcode: 122 "Disk quota exceeded")`,
  ]) {
    t.match(told(line), {
      message: 'cannot load: there is no space left on the disk of the server',
      hint: /^free space on the server/,
    });
  }
  t.match(told(`ERROR 3 (HY000) at line 7: Error writing file './t.MYD' (Errcode: 5 "Input/output error")`), {
    message: 'cannot load: the server reports error 3',
  });
  const said = 'ERROR 1062 (23000) at line 7: Duplicate entry \'(Errcode: 28 "No space")\' for key 1';
  t.match(told(said), { message: /two rows have the same unique key/ }, 'not by what a row holds');
  t.end();
});

t.test('tells an option file that the programs cannot read, and nothing of what is in it', async (t) => {
  const folder = await temporaryFolder(t);
  const path = join(folder, 'broken.cnf');
  const broken: Record<string, [string, string]> = {
    '[client]\npassword=a\nsecret words\n': [
      `does not know an option, most likely one in the option file ${path}`,
      'dump',
    ],
    '[client]\nsecret=words\n': [`does not know an option, most likely one in the option file ${path}`, 'ask'],
    'secret=words\n': [`the option file ${path} is broken in line 1`, 'ask'],
    '\n\n[secret\nuser=words\n': [`the option file ${path} is broken in line 3`, 'ask'],
  };
  for (const [text, [told, what]] of Object.entries(broken)) {
    await writeFile(path, text, { mode: 0o600 });
    const running = start(what === 'dump' ? 'mariadb-dump' : 'mariadb', [
      `--defaults-file=${path}`,
      '--socket=/nowhere',
      'x',
    ]);
    const { exitCode, stderr } = await running.ended;
    const error = clientFailure(
      what,
      { ...connection, credentials: { kind: 'option-file', path } },
      { exitCode, stderr },
    );
    t.equal(error.code, 'database-unreachable', text);
    t.match(error.message, told);
    t.match(error.hint, `look at ${path}: `);
    t.notMatch(JSON.stringify([error.message, error.hint]), /secret|words/);
  }
});

import { chmodSync, writeFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import * as z from 'zod';
import { query } from '../../lib/database/client.ts';
import { type Connection, connectionOf } from '../../lib/database/connection.ts';
import { inspectServer } from '../../lib/database/inspect-server.ts';
import { Session } from '../../lib/database/session.ts';
import { openSnapshot } from '../../lib/database/snapshot.ts';
import { DatabaseConfig } from '../../lib/model/database-config.ts';
import { assertSameCounts } from '../../lib/model/object-counts.ts';
import { textsOf } from '../fixture/dumps.ts';
import { runSql, serverFor } from '../fixture/servers.ts';
import { until } from '../until.ts';

const GRANTS = 'SELECT, SHOW VIEW, TRIGGER, EVENT, RELOAD, PROCESS';

function backupAccount(optionFile: string, socket: string, password: string, mode = 0o600): Connection {
  writeFileSync(optionFile, `[client]\nuser="bkp"\npassword="${password}"\n`);
  chmodSync(optionFile, mode);
  return connectionOf(DatabaseConfig.parse({ socket, optionFile, account: { user: 'bkp', from: 'localhost' } }));
}

async function connectionIds(connection: Connection): Promise<number[]> {
  const sql =
    "SELECT JSON_OBJECT('id', ID) FROM information_schema.PROCESSLIST WHERE ID <> CONNECTION_ID() AND DB IS NOT NULL";
  return (await query(connection, sql, z.object({ id: z.int() }))).map(({ id }) => id);
}

t.test('an account and its option file', async (t) => {
  const server = await serverFor(t);
  const folder = t.testdir({});
  await runSql(
    server,
    `CREATE DATABASE shop; CREATE TABLE shop.t (a INT); CREATE TRIGGER shop.tr BEFORE INSERT ON shop.t FOR EACH ROW SET @a = 1;
     CREATE USER bkp@localhost IDENTIFIED BY 'right#1'; GRANT ${GRANTS} ON *.* TO bkp@localhost;`,
  );
  const right = backupAccount(`${folder}/right.cnf`, server.socket, 'right#1');

  await t.test('with the needed privileges alone everything is dumped', async (t) => {
    const facts = await inspectServer(right, { exclude: [] });
    t.match(facts.databases, [{ name: 'shop', counts: { tables: 1, triggers: 1 } }]);
    const snapshot = await openSnapshot(right, facts);
    const dumps = [...(await textsOf(snapshot)).values()];
    t.match(
      dumps.find((sql) => sql.includes('CREATE DATABASE')),
      'TRIGGER',
    );
    t.match(
      dumps.find((sql) => sql.includes('CREATE USER')),
      'bkp',
    );
    await snapshot.close();
  });

  await t.test('a wrong password is told apart, without the password', async (t) => {
    const wrong = backupAccount(`${folder}/wrong.cnf`, server.socket, 'wr0ng');
    const error = await inspectServer(wrong, { exclude: [] }).catch((reason: unknown) => reason);
    t.match(error, { code: 'database-unreachable', exitCode: 7, hint: /wrong\.cnf/ });
    t.notMatch(String((error as Error).stack), 'wr0ng');
  });

  await t.test('a missing TRIGGER is named, with the statement that mends it', async (t) => {
    await runSql(server, 'REVOKE TRIGGER ON *.* FROM bkp@localhost');
    const error = await inspectServer(right, { exclude: [] }).catch((reason: unknown) => reason);
    t.match(error, {
      code: 'account-lacks-privilege',
      findings: ['TRIGGER'],
      hint: "run as an administrator: GRANT TRIGGER ON *.* TO 'bkp'@'localhost';",
    });
    await runSql(
      server,
      'CREATE ROLE backups; GRANT TRIGGER ON *.* TO backups; GRANT backups TO bkp@localhost; SET DEFAULT ROLE backups FOR bkp@localhost;',
    );
    await t.resolves(inspectServer(right, { exclude: [] }), 'a role that is enabled counts');
    await runSql(server, `DROP ROLE backups; GRANT TRIGGER ON *.* TO bkp@localhost;`);
  });

  await t.test('an option file that others can read is refused, as is none', async (t) => {
    const open = backupAccount(`${folder}/open.cnf`, server.socket, 'right#1', 0o644);
    await t.rejects(inspectServer(open, { exclude: [] }), { code: 'refused', exitCode: 8, hint: /chmod 0600/ });
    const absent = connectionOf(
      DatabaseConfig.parse({
        socket: server.socket,
        optionFile: `${folder}/none.cnf`,
        account: { user: 'b', from: 'l' },
      }),
    );
    await t.rejects(inspectServer(absent, { exclude: [] }), { code: 'not-found', hint: /none\.cnf/ });
  });
});

t.test('what a dump would stumble over is found beforehand, all of it', async (t) => {
  const server = await serverFor(t);
  await runSql(
    server,
    `CREATE DATABASE shop; USE shop; CREATE TABLE t (a INT); CREATE VIEW \`v\\ '"\` AS SELECT a FROM t; CREATE VIEW fine AS SELECT 1 AS a; DROP TABLE t;
     DELIMITER //
     CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SELECT ';;'//
     DELIMITER ;
     CREATE TABLE \`by id\` (a INT, s BIGINT UNSIGNED GENERATED ALWAYS AS ROW START, e BIGINT UNSIGNED GENERATED ALWAYS AS ROW END,
       PERIOD FOR SYSTEM_TIME (s, e)) WITH SYSTEM VERSIONING;
     CREATE TABLE by_time (a INT, s TIMESTAMP(6) GENERATED ALWAYS AS ROW START, e TIMESTAMP(6) GENERATED ALWAYS AS ROW END,
       PERIOD FOR SYSTEM_TIME (s, e)) WITH SYSTEM VERSIONING;
     CREATE DATABASE \`o'clock\`; CREATE EVENT \`o'clock\`.e ON SCHEDULE EVERY 1 DAY DO SELECT 1; CREATE DATABASE \`without's\`;
     CREATE DATABASE other; CREATE VIEW other.w AS SELECT * FROM shop.fine; DROP VIEW shop.fine;`,
  );
  const error = await inspectServer(server.root, { exclude: [] }).catch((reason: unknown) => reason);
  t.match(error, { code: 'dump-failed' });
  t.same((error as { findings: string[] }).findings.map((each) => /`.*`/.exec(each.replace(/ \(.*/, ''))?.[0]).sort(), [
    "`o'clock`",
    '`other`.`w`',
    '`shop`.`by id`',
    '`shop`.`e`',
    '`shop`.`v\\ \'"`',
  ]);
  t.match((error as { hint: string }).hint, /SHOW CREATE VIEW/);
  await t.resolves(inspectServer(server.root, { exclude: ['shop', 'other', "o'clock"] }));
  await runSql(server, 'SET GLOBAL max_connections = 10');
  await t.resolves(inspectServer(server.root, { exclude: ['shop', 'other', "o'clock"] }));
  const others = [];
  for (let n = 0; n < 5; n += 1) others.push(await Session.open(server.root));
  await t.rejects(inspectServer(server.root, { exclude: ['shop', 'other', "o'clock"] }), {
    code: 'dump-failed',
    message: /: 6 connections are needed, and 5 of 10 are free$/,
    hint: /SET GLOBAL max_connections = 11;/,
  });
  await runSql(server, 'SET GLOBAL max_connections = 11');
  await t.resolves(inspectServer(server.root, { exclude: ['shop', 'other', "o'clock"] }), 'what it says is enough');
  await Promise.all(others.map((session) => session.close()));
});

t.test('a server that gives fewer rows than there are, and does not say so, is refused', async (t) => {
  const server = await serverFor(t);
  const folder = t.testdir({});
  await runSql(
    server,
    `CREATE DATABASE shop; USE shop; CREATE TABLE t (a INT); INSERT INTO t SELECT seq FROM seq_1_to_100;
     CREATE USER bkp@localhost IDENTIFIED BY 'right#1'; GRANT ${GRANTS} ON *.* TO bkp@localhost;`,
  );
  const account = backupAccount(`${folder}/my.cnf`, server.socket, 'right#1');
  const refused = {
    code: 'dump-failed',
    message: /sql_select_limit/,
    hint: /SET GLOBAL sql_select_limit = 18446744073709551615/,
  };
  await t.resolves(inspectServer(account, { exclude: [] }));
  await runSql(server, 'SET GLOBAL sql_select_limit = 1000000');
  await t.rejects(inspectServer(account, { exclude: [] }), refused);
  await runSql(server, "SET GLOBAL sql_select_limit = DEFAULT, GLOBAL init_connect = 'SET sql_select_limit = 5'");
  await t.rejects(inspectServer(account, { exclude: [] }), refused, 'where only some accounts are given fewer, too');
  const counted = await query(account, 'SELECT JSON_OBJECT("a", a) FROM shop.t', z.object({ a: z.int() }));
  t.equal(counted.length, 100, 'what is asked for is never cut');
});

t.test('a dump that does not come to its end', async (t) => {
  const server = await serverFor(t);
  await runSql(
    server,
    `CREATE DATABASE shop; USE shop; CREATE TABLE t (x TEXT); INSERT INTO t SELECT REPEAT('y', 10000) FROM seq_1_to_5000;`,
  );
  const facts = await inspectServer(server.root, { exclude: [] });
  const opened = async (signal?: AbortSignal) => {
    const snapshot = await openSnapshot(server.root, facts, { signal });
    const dumper = snapshot.dumpers.find(({ dumps }) => dumps[0]?.database === 'shop');
    if (!dumper) throw new Error('no dump');
    const reader = dumper.stream[Symbol.asyncIterator]();
    await reader.next();
    const readOn = async () => {
      for (;;) if ((await reader.next()).done) return;
    };
    return { snapshot, reader, readOn };
  };

  await t.test('because an administrator ended its connection', async (t) => {
    const { snapshot, readOn } = await opened();
    await runSql(server, (await connectionIds(server.root)).map((id) => `KILL ${id};`).join(''));
    await t.rejects(readOn(), { code: 'database-unreachable', message: /cannot dump the database `shop`/ });
    await snapshot.close();
  });

  await t.test('because it was interrupted', async (t) => {
    const controller = new AbortController();
    const { snapshot, readOn } = await opened(controller.signal);
    const reading = readOn();
    controller.abort();
    await t.rejects(reading, { code: 'interrupted' });
    await snapshot.close();
    await t.rejects(openSnapshot(server.root, facts, { signal: controller.signal }), { code: 'interrupted' });
  });

  await t.test('because its reader left: the program is ended', async (t) => {
    const { snapshot, reader } = await opened();
    await reader.return?.();
    await until('its connection has ended', async () => (await connectionIds(server.root)).length === 0);
    t.same(await connectionIds(server.root), []);
    await snapshot.close();
  });

  await t.test('because the server was stopped', async (t) => {
    const { snapshot, readOn } = await opened();
    await server.stop();
    await t.rejects(readOn(), { code: 'database-unreachable', exitCode: 7 });
    await snapshot.close();
    await t.rejects(inspectServer(server.root, { exclude: [] }), {
      code: 'database-unreachable',
      message: /nothing answers/,
    });
  });
});

t.test('a dump that lacks an object is refused, with what it lacks', async (t) => {
  const counts = { tables: 2, views: 0, sequences: 0, routines: 1, triggers: 3, events: 0 };
  t.doesNotThrow(() => assertSameCounts('shop', counts, { ...counts }));
  t.throws(() => assertSameCounts('shop', counts, { ...counts, triggers: 0, routines: 0 }), {
    code: 'dump-incomplete',
    message: 'cannot accept the dump of shop: it holds 0 of 1 routines, 0 of 3 triggers',
    hint: /SHOW GRANTS/,
  });
  t.throws(() => assertSameCounts('shop', counts, { ...counts, triggers: 4, routines: 2 }), {
    code: 'dump-incomplete',
    message: 'cannot accept the dump of shop: it holds 2 routines where there were 1, 4 triggers where there were 3',
    hint: /^something was made during the backup: .* run it again$/,
  });
});

t.test('whoever notices first that the server has gone, the sentence is the same', async (t) => {
  const gone = {
    code: 'database-unreachable',
    exitCode: 7,
    message: 'cannot dump the databases `shop` and `crm`: the server went away',
    hint: /systemctl status mariadb$/,
  };
  const begin = async (t: Test, kills: (pid: number) => void, parallel: number) => {
    const server = await serverFor(t, { logBin: true });
    await runSql(
      server,
      `CREATE DATABASE crm; CREATE TABLE crm.t (a INT); CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY, a LONGBLOB);
       USE shop; INSERT INTO shop.t SELECT seq, REPEAT('x', 500000) FROM seq_1_to_20`,
    );
    const facts = await inspectServer(server.root, { exclude: [] });
    return await openSnapshot(server.root, facts, { parallel, whileHeld: async () => kills(server.pid) });
  };
  await t.test('the session that holds commits back', async (t) => {
    await t.rejects(
      begin(t, (pid) => process.kill(pid, 'SIGKILL'), 1),
      gone,
    );
  });
  for (const parallel of [1, 3]) {
    await t.test(`a dump, of ${parallel} at a time`, async (t) => {
      let pid = 0;
      const snapshot = await begin(
        t,
        (found) => {
          pid = found;
        },
        parallel,
      );
      process.kill(pid, 'SIGKILL');
      await t.rejects(textsOf(snapshot), gone);
      await snapshot.close();
    });
  }
});

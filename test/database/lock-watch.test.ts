import t from 'tap';
import * as z from 'zod';
import { execute, query } from '../../lib/database/client.ts';
import { inspectServer } from '../../lib/database/inspect-server.ts';
import { Session } from '../../lib/database/session.ts';
import { openSnapshot } from '../../lib/database/snapshot.ts';
import { sleep } from '../../lib/system/clock.ts';
import { textsOf } from '../fixture/dumps.ts';
import { programsOf } from '../fixture/process-watch.ts';
import { accountOn, until } from '../fixture/replica-pair.ts';
import { runSql, serverFor } from '../fixture/servers.ts';

/** A dump that is not read stands in the rows of `a`: those of the other tables are still to come. */
const SCHEMA = `CREATE DATABASE shop; USE shop; CREATE TABLE a (x LONGTEXT);
INSERT INTO a SELECT REPEAT('y', 500000) FROM seq_1_to_20;
CREATE TABLE \`b FROM \`\`c\` (\`FROM \`\`p\` INT); INSERT INTO \`b FROM \`\`c\` VALUES (1);
CREATE DATABASE crm; CREATE TABLE crm.t (x INT) ENGINE=MyISAM; INSERT INTO crm.t VALUES (2);`;
const LOCK_WAIT_MS = 500;
const LIMIT_MS = 3 * LOCK_WAIT_MS;

const server = await serverFor(t, { logBin: true });
await runSql(server, SCHEMA);
// With PROCESS it sees the sessions of others, too.
const account = await accountOn(server, 'bkp', 'SELECT, SHOW VIEW, TRIGGER, EVENT, RELOAD, PROCESS');
const facts = await inspectServer(account, { exclude: [] });

const Count = z.object({ n: z.int() });
const count = async (condition: string) => {
  const sql = `SELECT JSON_OBJECT('n', COUNT(*)) FROM information_schema.PROCESSLIST WHERE USER = 'bkp' AND ${condition}`;
  return (await query(server.root, sql, Count))[0]?.n ?? 0;
};
const waiting = async () => (await count("STATE = 'Waiting for table metadata lock'")) > 0;

const opened = (holdMs: number, parallel = 1) =>
  openSnapshot(account, facts, { parallel, limits: { lockWaitMs: LOCK_WAIT_MS, holdMs } });

async function somebody(sql: string): Promise<Session> {
  const session = await Session.open(server.root);
  await session.execute(sql);
  return session;
}

for (const { what, holdMs, barrier, table, says } of [
  {
    ...{ what: 'a program of the parallel snapshot', holdMs: 30_000, barrier: 'backup-stage' },
    ...{ table: 'shop.`b FROM ``c`', says: '`shop`.`b FROM ``c`' },
  },
  {
    ...{ what: 'the one program that dumps all databases', holdMs: 0, barrier: 'single-dump' },
    ...{ table: 'crm.t', says: '`crm`.`t`' },
  },
]) {
  t.test(`${what} is ended when it comes to a table that stays locked`, async (t) => {
    const snapshot = await opened(holdMs);
    t.equal(snapshot.record.barrier, barrier);
    const writer = await somebody(`LOCK TABLES ${table} WRITE`);
    const from = Date.now();
    await t.rejects(textsOf(snapshot), {
      code: 'lock-timeout',
      exitCode: 4,
      message: `cannot dump the table ${says}: another session has kept it locked for more than 1.5 s`,
      hint: /SHOW OPEN TABLES .*database\.snapshot\.lockWaitSeconds/,
    });
    t.ok(Date.now() - from >= LIMIT_MS);
    await snapshot.close();
    await until('nothing of it is left on the server', async () => (await count('TRUE')) === 0);
    await writer.close();
  });
}

t.test('a lock that goes within the limit is waited for', async (t) => {
  const snapshot = await opened(30_000);
  const writer = await somebody('LOCK TABLES crm.t WRITE');
  const reading = textsOf(snapshot);
  await until('it waits', waiting);
  await writer.execute('INSERT INTO crm.t VALUES (3); UNLOCK TABLES');
  t.match((await reading).get('crm'), /VALUES\n\(2\),\n\(3\);/);
  await snapshot.close();
  await writer.close();
  await execute(server.root, 'DELETE FROM crm.t WHERE x = 3');
});

t.test('a program that is silent for another reason is left alone, whatever others wait for', async (t) => {
  const snapshot = await opened(30_000, 2);
  const dumpers = programsOf(process.pid, 'mariadb-dump', 'shop');
  t.equal(dumpers.length, 1);
  for (const pid of dumpers) process.kill(pid, 'SIGSTOP');
  const writer = await somebody('LOCK TABLES shop.`b FROM ``c` WRITE');
  const reader = await somebody('USE shop');
  const read = reader.execute('SELECT /*!40001 SQL_NO_CACHE */ COUNT(*) INTO @n FROM `b FROM ``c`');
  const reading = textsOf(snapshot);
  await sleep(LIMIT_MS * 1.6);
  await writer.execute('UNLOCK TABLES');
  for (const pid of dumpers) process.kill(pid, 'SIGCONT');
  t.match((await reading).get('crm'), 'VALUES\n(2);');
  await read;
  await Promise.all([snapshot.close(), writer.close(), reader.close()]);
});

import t from 'tap';
import type { BarrierKind } from '../../lib/database/barrier.ts';
import { inspectServer } from '../../lib/database/inspect-server.ts';
import { Session } from '../../lib/database/session.ts';
import { openSnapshot, type SnapshotOptions } from '../../lib/database/snapshot.ts';
import type { ThrowawayServer } from '../../lib/database/throwaway-server.ts';
import { sleep } from '../../lib/system/clock.ts';
import { start, terminate } from '../../lib/system/command.ts';
import { textsOf } from '../fixture/dumps.ts';
import { runSql, serverFor } from '../fixture/servers.ts';

/** Of three engines, and one of them with transactions, each the same rows: a writer makes them in this order. */
async function oldServer(t: Parameters<typeof serverFor>[0]) {
  const server = await serverFor(t, { logBin: true });
  await runSql(
    server,
    `CREATE DATABASE old; USE old;
     CREATE TABLE first (n INT AUTO_INCREMENT PRIMARY KEY, p INT) ENGINE=InnoDB;
     CREATE TABLE second (n INT AUTO_INCREMENT PRIMARY KEY, p INT) ENGINE=Aria;
     CREATE TABLE third (n INT AUTO_INCREMENT PRIMARY KEY, p INT) ENGINE=MyISAM;
     ${['first', 'second', 'third'].map((table) => `INSERT INTO ${table} (p) SELECT 1 FROM seq_1_to_3000;`).join('\n')}
     CREATE DATABASE other; CREATE TABLE other.t (a INT);`,
  );
  return server;
}

/** One row into each table in turn, without end, and an UPDATE of each. */
function writer(server: ThrowawayServer) {
  const client = start('mariadb', ['--no-defaults', '--user=root', `--socket=${server.socket}`]);
  const tables = ['first', 'second', 'third'];
  client.stdin.write(`DELIMITER //
    BEGIN NOT ATOMIC
      LOOP
        ${tables.map((table) => `INSERT INTO old.${table} (p) VALUES (1);`).join(' ')}
        ${tables.map((table) => `UPDATE old.${table} SET p = p + 1 WHERE n = 1;`).join(' ')}
      END LOOP;
    END//
  `);
  return client;
}

/** Rows that a dump has of a table. */
function rowsIn(text: string, table: string): number {
  const [, values = ''] = new RegExp(`^INSERT INTO \`${table}\` VALUES\\n([^;]*);$`, 'm').exec(text) ?? [];
  return values.match(/^\(/gm)?.length ?? 0;
}

async function dumpLocked(server: ThrowawayServer, options: SnapshotOptions) {
  const facts = await inspectServer(server.root, { exclude: [] });
  const snapshot = await openSnapshot(server.root, facts, { nonTransactional: 'lock', parallel: 2, ...options });
  try {
    const texts = await textsOf(snapshot);
    return { record: snapshot.record, text: texts.get('old') ?? '' };
  } finally {
    await snapshot.close();
  }
}

t.test('a writer that waits for a locked table does not keep it from being dumped', async (t) => {
  const server = await oldServer(t);
  const facts = await inspectServer(server.root, { exclude: [] });
  const snapshot = await openSnapshot(server.root, facts, { nonTransactional: 'lock', parallel: 2 });
  let written = 0;
  const writing = ['second', 'third'].map(async (table) => {
    await runSql(server, `UPDATE old.${table} SET p = 77 WHERE n = 1`);
    written += 1;
  });
  await sleep(1500);
  t.equal(written, 0, 'they wait');
  const text = (await textsOf(snapshot)).get('old') ?? '';
  t.same([rowsIn(text, 'second'), rowsIn(text, 'third')], [3000, 3000]);
  t.notMatch(text, /^\(1,77\)/m);
  await Promise.all(writing);
  t.equal(written, 2, 'and go on after the dump, before the snapshot is closed');
  await snapshot.close();
});

for (const barrier of ['backup-stage', 'read-lock'] as const satisfies BarrierKind[]) {
  t.test(`tables without transactions are of the one moment, under a writer without pause: ${barrier}`, async (t) => {
    const server = await oldServer(t);
    const busy = writer(server);
    await sleep(500);
    const limits = { lockWaitMs: 60_000, holdMs: 60_000 }; // a busy machine is no reason to fall back
    for (let round = 0; round < 3; round += 1) {
      const { record, text } = await dumpLocked(server, { barrier, limits });
      t.match(record, { barrier, lockedTables: 2, fallback: null });
      const [first = 0, second = 0, third = 0] = ['first', 'second', 'third'].map((table) => rowsIn(text, table));
      t.ok(third > 3000, `${third} rows`);
      t.ok(first >= second && second >= third && first - third <= 1, `${first}, ${second}, ${third} rows`);
    }
    terminate(busy.child);
    await busy.ended;
  });
}

t.test('they are locked for the one dump, too, that is made without the barrier', async (t) => {
  const server = await oldServer(t);
  const other = await Session.open(server.root);
  await other.execute('BACKUP STAGE START');
  const busy = writer(server);
  await sleep(500);
  const { record, text } = await dumpLocked(server, { limits: { lockWaitMs: 1000, holdMs: 60_000 } });
  t.match(record, { barrier: 'single-dump', lockedTables: 2, fallback: 'lock-timeout' });
  const [first = 0, second = 0, third = 0] = ['first', 'second', 'third'].map((table) => rowsIn(text, table));
  t.ok(third > 3000 && second - third <= 1 && first - third <= 1, `${first}, ${second}, ${third} rows`);
  terminate(busy.child);
  await busy.ended;
  await other.close();
});

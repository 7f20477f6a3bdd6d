import t, { type Test } from 'tap';
import * as z from 'zod';
import { execute, query, queryRecords } from '../../lib/database/client.ts';
import type { Connection } from '../../lib/database/connection.ts';
import { startThrowawayServer } from '../../lib/database/throwaway-server.ts';
import { holdDump } from '../fixture/held-dump.ts';
import { assertExplained, assertNothingHalfDone } from '../fixture/nothing-half-done.ts';
import { publishedManifests } from '../fixture/published.ts';
import { worldFor } from '../fixture/world.ts';
import { temporaryFolder } from '../temporary.ts';

/*
 * A database with a table that is dumped in lanes, and somebody who changes its schema meanwhile. The programs stand: that
 * of the database in the rows of `broad`, before it has come to `later`, and those of the lanes in the rows of `huge`.
 */

t.setTimeout(600_000);
const world = await worldFor(t);
const root = world.server.root;
const TABLES = ['big.broad', 'big.huge', 'big.later', 'big.latest'];
const filled = (table: string, rows: number) =>
  `CREATE TABLE ${table} (id INT PRIMARY KEY, text LONGBLOB) ENGINE=InnoDB;
   INSERT INTO ${table} SELECT seq, REPEAT(MD5(seq), 3000) FROM seq_1_to_${rows};`;
await execute(root, `CREATE DATABASE big; USE big; ${filled('big.broad', 80)} ${filled('big.huge', 800)}`);
await execute(
  root,
  `USE big; ${['later', 'latest'].map((name) => `CREATE TABLE big.${name} (id INT PRIMARY KEY, n INT) ENGINE=InnoDB; INSERT INTO big.${name} SELECT seq, seq FROM seq_1_to_${name.length * 10};`).join('')}
   ANALYZE TABLE big.broad, big.huge`,
);
const { path: scratchFolder, remove } = temporaryFolder();
t.teardown(remove);
const scratch = await startThrowawayServer({ folder: scratchFolder });
t.teardown(() => scratch.stop());
const inventory = await world.inventoryWith((host) => {
  host.compression = { program: 'gzip', level: 1 };
  host.database.parallel = 5;
  host.database.snapshot = { attempts: 1 };
});
const sums = async (connection: Connection) =>
  (await queryRecords(connection, `CHECKSUM TABLE ${TABLES.join(', ')}`)).map((row) => row.get('Checksum'));
const standing = async () => {
  const sql = `SELECT JSON_OBJECT('info', INFO) FROM information_schema.PROCESSLIST
    WHERE USER = 'bkpuser' AND STATE = 'Writing to net' AND INFO LIKE 'SELECT %\`huge\`%'`;
  return (await query(root, sql, z.object({ info: z.string() }))).length;
};

async function assertRefused(t: Test, change: string, says: RegExp): Promise<void> {
  const held = await holdDump(world, 'broad', { inventory });
  t.ok((await standing()) > 0, 'the lanes stand, too');
  await execute(root, change);
  assertExplained(t, await held.goOn(), 4, says, /let no schema change run during the backup/);
  const manifest = publishedManifests(world).at(-1);
  t.match(manifest, { outcome: 'failed', error: { code: 'schema-changed', phase: 'dump' }, snapshot: null });
  await assertNothingHalfDone(t, world);
}

t.test('another table of the database gets a column in an instant', (t) =>
  assertRefused(
    t,
    'ALTER TABLE big.later ADD COLUMN more INT, ALGORITHM=INSTANT',
    /: the table `big`\.`later` was changed during the dump$/,
  ),
);

t.test('two other tables of the database change places', (t) =>
  assertRefused(
    t,
    'RENAME TABLE big.later TO big.aside, big.latest TO big.later, big.aside TO big.latest',
    /: the table `big`\.`late(r|st)` was changed during the dump \(and 1 more\)$/,
  ),
);

t.test('the table in lanes itself cannot be changed while its rows are read, and all of it comes back', async (t) => {
  const truth = await sums(root);
  const held = await holdDump(world, 'broad', { inventory });
  t.ok((await standing()) > 0, 'the lanes stand, too');
  const change = execute(
    root,
    'SET lock_wait_timeout = 1; ALTER TABLE big.huge ADD COLUMN more INT, ALGORITHM=INSTANT',
  );
  await t.rejects(change, { code: 'lock-timeout' });
  await execute(root, "INSERT INTO big.huge VALUES (9999, 'new')");
  const ended = await held.goOn();
  t.equal(ended.exitCode, 0, ended.stdout + ended.stderr);
  const { positions = [] } = publishedManifests(world).at(-1)?.snapshot ?? {};
  t.ok(positions.filter(({ kind, table }) => kind === 'lane' && table === 'huge').length >= 2, 'it was in lanes');
  t.equal(new Set(positions.map(({ binlog }) => JSON.stringify(binlog))).size, 1, 'all at one position');
  const restored = await world.restore(['--socket', scratch.socket, '--database', 'big', '--overwrite', 'big']);
  t.equal(restored.exitCode, 0, restored.stdout + restored.stderr);
  t.strictSame(await sums(scratch.root), truth, 'what is restored is the snapshot');
  await assertNothingHalfDone(t, world);
});

import assert from 'node:assert/strict';
import { join } from 'node:path';
import t from 'tap';
import * as z from 'zod';
import { query, queryLines } from '../../lib/database/client.ts';
import type { Connection } from '../../lib/database/connection.ts';
import { findProgram } from '../../lib/system/programs.ts';
import { worldKeys } from '../fixture/world.ts';
import { temporaryFolder } from '../temporary.ts';
import { startBenchWorld } from './bench-world.ts';
import { COFFRE } from './coffre.ts';
import { CONTESTANTS } from './contestants.ts';
import { databasesOf, SHAPES } from './data.ts';

/*
 * What the bench measures are backups: each contestant's result is restored into a new server, and every table compared
 * with the one that it came from.
 */

const BYTES = 0.005e9;
t.setTimeout(800_000);

for (const shape of SHAPES) {
  t.test(`of the shape ${shape}`, async (t) => {
    const { path: folder, remove } = temporaryFolder();
    t.teardown(remove);
    const bench = await startBenchWorld({ folder, shape, bytes: BYTES, shell: false, keys: await worldKeys() });
    t.teardown(() => bench.stop());
    const databases = databasesOf(shape);
    t.strictSame(bench.databases, databases);
    t.ok(bench.dumpedBytes > BYTES * 0.8 && bench.dumpedBytes < BYTES * 1.4, `${bench.dumpedBytes} bytes of SQL`);
    const wanted = await checksums(bench.world.server.root, databases);
    t.ok(wanted.length >= databases.length && wanted.every((line) => /\t[1-9]\d*$/.test(line)), 'no table is empty');
    for (const contestant of shape === 'mixed' ? CONTESTANTS : [COFFRE]) {
      const missing = contestant.programs.filter((program) => findProgram(program) === undefined);
      const skip = missing.length > 0 && `${missing.join(', ')} is not here`;
      await t.test(`${contestant.name}: ${contestant.does}`, { skip }, async (t) => {
        const { manifest, ...taken } = await contestant.takeBackup(bench);
        t.equal(manifest?.outcome, contestant === COFFRE ? 'succeeded' : undefined);
        t.ok(taken.wallMs > 0 && taken.busyMs > 0 && taken.peakBytes > 0, JSON.stringify(taken));
        if (contestant.restore) {
          t.ok(taken.storedBytes > bench.dumpedBytes * 0.2, `${taken.storedBytes} bytes are kept`);
          const server = await contestant.restore(bench, join(folder, 'scratch', contestant.name));
          try {
            t.strictSame(await checksums(server.root, databases), wanted);
          } finally {
            await server.stop();
          }
        } else t.equal(taken.storedBytes, 0);
        await contestant.clear(bench);
      });
    }
  });
}

const TableRow = z.object({ name: z.string() });

/** A line for each table: its name and the checksum of its rows. */
async function checksums(connection: Connection, databases: readonly string[]): Promise<string[]> {
  const names = databases.map((name) => `'${name}'`).join(', ');
  const tables = await query(
    connection,
    `SELECT JSON_OBJECT('name', CONCAT(table_schema, '.', table_name)) FROM information_schema.tables
     WHERE table_schema IN (${names}) ORDER BY table_schema, table_name`,
    TableRow,
  );
  assert.ok(tables.length > 0);
  return await queryLines(connection, `CHECKSUM TABLE ${tables.map(({ name }) => name).join(', ')}`);
}

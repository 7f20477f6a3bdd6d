import assert from 'node:assert/strict';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { execute, queryRecords } from '../../lib/database/client.ts';
import type { Connection } from '../../lib/database/connection.ts';
import { loadSql } from '../../lib/database/load-sql.ts';
import { startThrowawayServer } from '../../lib/database/throwaway-server.ts';
import { startEmbeddedWorld } from '../../lib/flow/embedded-world.ts';
import { readManifest } from '../../lib/flow/read-manifest.ts';
import { openRunFolders } from '../../lib/storage/run-folders.ts';
import { sleep } from '../../lib/system/clock.ts';
import { run } from '../../lib/system/command.ts';
import { ALL_MONEY, BANKS, isOfOneMoment, makeBanks, readLedger, startMoneyMover } from '../fixture/money-mover.ts';
import { STORE } from '../fixture/nothing-half-done.ts';
import { asTestWorld, type TestWorld, worldKeys } from '../fixture/world.ts';
import { temporaryFolder } from '../temporary.ts';

/*
 * A backup of all databases is one point in time. While a writer moves money between three databases, runs are taken and
 * restored, each with coffre, and each with the dumps of the recipe that it replaces, which shows that the harness would
 * notice. `COFFRE_RUNS=50 npm run test:long` is the full figure, `COFFRE_SOURCES=replica` takes one source alone.
 */

const RUNS = Number(process.env.COFFRE_RUNS ?? 5);
const SOURCES = (process.env.COFFRE_SOURCES ?? 'primary,replica').split(',');
t.setTimeout(120_000 + RUNS * SOURCES.length * 40_000);

for (const source of SOURCES) {
  assert.ok(source === 'primary' || source === 'replica', `COFFRE_SOURCES=${source}`);
  t.test(`${RUNS} runs from the ${source} while money moves`, async (t) => {
    const { world, primary, scratch } = await banksOf(t, source);
    const server = world.server.root;
    const mover = startMoneyMover(primary);
    t.teardown(() => mover.stop());
    await untilMoves(server, 0);

    await t.test('every run of coffre is of one moment', async (t) => {
      for (let at = 1; at <= RUNS; at++) {
        const before = await readLedger(server);
        await world.goodRun();
        const after = await readLedger(server);
        await untilMoves(server, after.moves[0] ?? 0);
        await restoreNewest(world, scratch);
        const restored = await readLedger(scratch);
        t.ok(isOfOneMoment(restored), `run ${at} of ${RUNS}: ${JSON.stringify(restored)}; ${await snapshotOf(world)}`);
        const [from = 0, moment = 0, to = 0] = [before, restored, after].map(({ moves }) => moves[0]);
        t.ok(from < to, `${to - from} moves while it was taken`);
        t.ok(from <= moment && moment <= to, 'a moment between its start and its end');
      }
    });

    await t.test('the dumps of the old recipe are not, and this test sees it', async (t) => {
      let differing = 0;
      let wrongSums = 0;
      for (let at = 1; at <= RUNS; at++) {
        await recipe(world, scratch);
        const restored = await readLedger(scratch);
        if (!isOfOneMoment(restored)) differing += 1;
        if (restored.money !== ALL_MONEY) wrongSums += 1;
        t.comment(`recipe, run ${at} of ${RUNS}: ${JSON.stringify(restored)}`);
      }
      t.comment(
        `recipe, from the ${source}: ${differing} of ${RUNS} are of no one moment, ${wrongSums} have a wrong sum`,
      );
      t.ok(differing > 0, `${differing} of ${RUNS} differ`);
    });
    t.ok(isOfOneMoment(await readLedger(server)), 'the source itself was right all the time');
  });
}

/** A world whose server is the primary, or a replica of one; and a server to restore into. */
async function banksOf(t: Test, source: 'primary' | 'replica') {
  const { path: folder, remove } = temporaryFolder();
  t.teardown(remove);
  const world = await asTestWorld(await startEmbeddedWorld({ folder: join(folder, 'world'), keys: await worldKeys() }));
  t.teardown(() => world.stop());
  const scratch = await startThrowawayServer({ folder: join(folder, 'scratch') });
  t.teardown(() => scratch.stop());
  if (source === 'primary') {
    await makeBanks(world.server.root);
    return { world, primary: world.server.root, scratch: scratch.root };
  }
  const primary = await startThrowawayServer({ folder: join(folder, 'primary'), logBin: true, network: true });
  t.teardown(() => primary.stop());
  await replicate(primary.root, primary.port, world.server.root);
  await makeBanks(primary.root);
  return { world, primary: primary.root, scratch: scratch.root };
}

/** By file and position, from the beginning of the primary's log on: the replica has a history of its own already. */
async function replicate(primary: Connection, port: number | null, replica: Connection): Promise<void> {
  await execute(
    primary,
    "CREATE USER repl@'127.0.0.1' IDENTIFIED BY 'r'; GRANT REPLICATION SLAVE ON *.* TO repl@'127.0.0.1'",
  );
  await execute(
    replica,
    `SET GLOBAL server_id = 2; CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = ${port}, MASTER_USER = 'repl',
     MASTER_PASSWORD = 'r', MASTER_LOG_FILE = 'binlog.000001', MASTER_LOG_POS = 4; START SLAVE`,
  );
}

/** Until the writer is further than `count`: that it goes on, on the replica too, is what makes the test one. */
async function untilMoves(server: Connection, count: number): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    const [first = 0] = await readLedger(server).then(
      ({ moves }) => moves,
      () => [],
    );
    if (first > count) return;
    await sleep(100);
  }
  const [state] = await queryRecords(server, 'SHOW SLAVE STATUS');
  throw new Error(`no money has moved for 30 s; ${state?.get('Last_Error') ?? 'not a replica'}`);
}

async function restoreNewest(world: TestWorld, scratch: Connection): Promise<void> {
  assert.ok(scratch.server.kind === 'socket');
  const banks = BANKS.flatMap((bank) => ['--database', bank, '--overwrite', bank]);
  const { exitCode, stdout, stderr } = await world.restore(['--socket', scratch.server.path, ...banks]);
  assert.equal(exitCode, 0, stdout + stderr);
}

async function snapshotOf(world: TestWorld): Promise<string> {
  const store = openRunFolders(world.at(STORE));
  const newest = (await store.listRuns()).at(-1);
  const reader = newest && (await store.openRun(newest));
  assert.ok(newest && reader);
  const { allowedSigners } = await world.inventory();
  const { snapshot } = (await readManifest(reader, world.hostName, newest, allowedSigners)).manifest;
  return `${snapshot?.barrier}, held for ${snapshot?.heldMs} ms`;
}

/** One dump after another, as the old recipe takes them; loaded when all are there. */
async function recipe(world: TestWorld, scratch: Connection): Promise<void> {
  const options = [`--defaults-file=${world.at('host/etc/coffre/my.cnf')}`, `--socket=${world.server.socket}`];
  const dumps: string[] = [];
  for (const bank of BANKS) {
    const { exitCode, stdout, stderr } = await run('mariadb-dump', [...options, '--single-transaction', bank]);
    assert.equal(exitCode, 0, stderr);
    dumps.push(`DROP DATABASE IF EXISTS ${bank}; CREATE DATABASE ${bank}; USE ${bank};\n${stdout}`);
  }
  for (const dump of dumps) await loadSql(scratch, dump);
}

import assert from 'node:assert/strict';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { execute, queryRecords } from '../../lib/database/client.ts';
import type { Connection } from '../../lib/database/connection.ts';
import { loadSql } from '../../lib/database/load-sql.ts';
import { startThrowawayServer } from '../../lib/database/throwaway-server.ts';
import { backup } from '../../lib/flow/backup.ts';
import { startEmbeddedWorld } from '../../lib/flow/embedded-world.ts';
import { readPrivateKey } from '../../lib/flow/read-private-key.ts';
import { restore } from '../../lib/flow/restore.ts';
import type { Emit } from '../../lib/model/event.ts';
import type { HostConfig } from '../../lib/model/inventory.ts';
import type { Manifest } from '../../lib/model/manifest.ts';
import { sleep, systemClock } from '../../lib/system/clock.ts';
import { run } from '../../lib/system/command.ts';
import { ALL_MONEY, BANKS, isOfOneMoment, makeBanks, readLedger, startMoneyMover } from '../fixture/money-mover.ts';
import { asTestWorld, type TestWorld, worldKeys } from '../fixture/world.ts';
import { temporaryFolder } from '../temporary.ts';

/*
 * A backup of all databases is one point in time. While a writer moves money between three databases, runs are taken and
 * restored, each with coffre, and each with the dumps of the recipe that it replaces, which shows that the harness would
 * notice. `COFFRE_RUNS=50 npm run test:long` is the full figure, `COFFRE_SOURCES=replica` takes one source alone.
 * The flows are called in this process: what a task adds to them, in time and in output, is not the subject here.
 */

const RUNS = Number(process.env.COFFRE_RUNS ?? 5);
const SOURCES = (process.env.COFFRE_SOURCES ?? 'primary,replica').split(',');
t.setTimeout(120_000 + RUNS * SOURCES.length * 40_000);

for (const source of SOURCES) {
  assert.ok(source === 'primary' || source === 'replica', `COFFRE_SOURCES=${source}`);
  t.test(`${RUNS} runs from the ${source} while money moves`, async (t) => {
    const { world, host, primary, scratch } = await banksOf(t, source);
    const server = world.server.root;
    const mover = startMoneyMover(primary);
    t.teardown(() => mover.stop());
    await untilMoves(server, 0);

    await t.test('every run of coffre is of one moment', async (t) => {
      let right = 0;
      let moved = 0;
      const backupMs: number[] = [];
      const restoreMs: number[] = [];
      const heldMs: number[] = [];
      for (let at = 1; at <= RUNS; at++) {
        const before = await readLedger(server);
        const manifest = await timed(backupMs, () => backUp(world, host));
        const after = await readLedger(server);
        await untilMoves(server, after.moves[0] ?? 0);
        await timed(restoreMs, () => restoreBanks(world, host, scratch));
        const restored = await readLedger(scratch);
        t.ok(isOfOneMoment(restored), `run ${at} of ${RUNS}: ${JSON.stringify(restored)}; ${told(manifest)}`);
        const [from = 0, moment = 0, to = 0] = [before, restored, after].map(({ moves }) => moves[0]);
        t.ok(from < to, `${to - from} moves while it was taken`);
        t.ok(from <= moment && moment <= to, 'a moment between its start and its end');
        assertRecorded(t, manifest, source);
        right += isOfOneMoment(restored) ? 1 : 0;
        moved += to - from;
        heldMs.push(manifest.snapshot?.heldMs ?? 0);
      }
      t.comment(
        `coffre, from the ${source}: ${right} of ${RUNS} are of one moment and have the right sum, while money moved ${moved} times; ` +
          `backup ${inWords(backupMs)}, commits held back for ${inWords(heldMs)}, restore with its comparison ${inWords(restoreMs)}`,
      );
    });

    await t.test('the dumps of the old recipe are not, and this test sees it', async (t) => {
      let differing = 0;
      const errors: number[] = [];
      const apart: number[] = [];
      const recipeMs: number[] = [];
      for (let at = 1; at <= RUNS; at++) {
        await timed(recipeMs, () => recipe(world, scratch));
        const restored = await readLedger(scratch);
        if (!isOfOneMoment(restored)) differing += 1;
        errors.push(Math.abs(restored.money - ALL_MONEY));
        apart.push(Math.max(...restored.moves) - Math.min(...restored.moves));
        t.comment(`recipe, run ${at} of ${RUNS}: ${JSON.stringify(restored)}`);
      }
      t.comment(
        `recipe, from the ${source}: ${differing} of ${RUNS} are of no one moment, ${errors.filter((error) => error > 0).length} have a wrong sum, ` +
          `by up to ${Math.max(...errors)} of ${ALL_MONEY}; its databases are up to ${Math.max(...apart)} moves apart; ` +
          `dump and load ${inWords(recipeMs)}`,
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
  const host = { ...(await world.host()), offsite: [] }; // what is shipped, and where to, is not the subject
  if (source === 'primary') {
    await makeBanks(world.server.root);
    return { world, host, primary: world.server.root, scratch: scratch.root };
  }
  const primary = await startThrowawayServer({ folder: join(folder, 'primary'), logBin: true, network: true });
  t.teardown(() => primary.stop());
  await execute(world.server.root, 'GRANT SLAVE MONITOR ON *.* TO bkpuser@localhost');
  await replicate(primary.root, primary.port, world.server.root);
  await makeBanks(primary.root);
  const replica = { maxLagSeconds: 30, stop: false } as const;
  return {
    world,
    host: { ...host, database: { ...host.database, replica } },
    primary: primary.root,
    scratch: scratch.root,
  };
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

const quiet: Emit = () => undefined;

async function backUp(world: TestWorld, host: HostConfig): Promise<Manifest> {
  const { signal } = new AbortController();
  const context = { inventory: await world.inventory(), clock: systemClock, emit: quiet, signal };
  const { manifest, owed } = await backup(host, context);
  assert.deepEqual(owed, []);
  return manifest;
}

async function restoreBanks(world: TestWorld, host: HostConfig, target: Connection): Promise<void> {
  const { compared } = await restore({
    host,
    inventory: await world.inventory(),
    from: 'store',
    databases: BANKS,
    accounts: false,
    overwrite: BANKS,
    opening: {
      kind: 'key',
      privateKey: await readPrivateKey(world.keys.company, async () => world.keys.passphrase),
    },
    target,
    dryRun: false,
    emit: quiet,
    signal: new AbortController().signal,
  });
  assert.deepEqual([...compared].sort(), [...BANKS]);
}

/** What a manifest has to say of such a run. */
function assertRecorded(t: Test, { outcome, snapshot, server }: Manifest, source: 'primary' | 'replica'): void {
  t.match({ outcome, snapshot }, { outcome: 'succeeded', snapshot: { barrier: 'backup-stage', fallback: null } });
  const places = new Set(snapshot?.positions?.map(({ binlog }) => JSON.stringify(binlog)));
  t.equal(places.size, 1, 'every dump reports the same position');
  if (source === 'primary') t.equal(server?.replication, null);
  else t.match(server?.replication, { consistent: true, applier: 'held', sources: [{ binlog: { file: /^binlog/ } }] });
}

function told({ snapshot }: Manifest): string {
  return `${snapshot?.barrier}, held for ${snapshot?.heldMs} ms`;
}

async function timed<T>(times: number[], act: () => Promise<T>): Promise<T> {
  const from = performance.now();
  const result = await act();
  times.push(performance.now() - from);
  return result;
}

function inWords(times: readonly number[]): string {
  const sorted = [...times].sort((a, b) => a - b).map(Math.round);
  return `${sorted[Math.floor(sorted.length / 2)]} ms (median; ${sorted[0]} to ${sorted.at(-1)})`;
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

import { mkdir, readdir, writeFile } from 'node:fs/promises';
import t, { type Test } from 'tap';
import { execute } from '../../lib/database/client.ts';
import { startThrowawayServer } from '../../lib/database/throwaway-server.ts';
import { compareContent, readContent } from '../../lib/flow/compare-content.ts';
import { DatabaseName } from '../../lib/model/names.ts';
import { sleep } from '../../lib/system/clock.ts';
import { assertExplained, assertNothingHalfDone, OFFSITE, runsAt, STORE } from '../fixture/nothing-half-done.ts';
import { pathWith } from '../fixture/programs.ts';
import { publishedManifests } from '../fixture/published.ts';
import { until } from '../fixture/replica-pair.ts';
import { worldFor } from '../fixture/world.ts';
import { temporaryFolder } from '../temporary.ts';

/*
 * Somebody changes the schema while the databases are dumped, and the inventory allows another attempt within the run.
 * One program dumps shop, and then crm.
 */

t.setTimeout(600_000);
const world = await worldFor(t, { shopRows: 40 });
const root = world.server.root;
const NAMES = ['shop', 'crm'].map((name) => DatabaseName.parse(name));
await execute(root, 'CREATE TABLE crm.staging (id INT PRIMARY KEY) ENGINE=InnoDB; INSERT INTO crm.staging VALUES (1)');
const { path: scratchFolder, remove } = temporaryFolder();
t.teardown(remove);
const scratch = await startThrowawayServer({ folder: scratchFolder });
t.teardown(() => scratch.stop());

const inventoryFor = (attempts?: number) =>
  world.inventoryWith((host) => {
    host.compression = { program: 'gzip', level: 1 };
    Object.assign(host.database, { parallel: 1 }, attempts === undefined ? {} : { snapshot: { attempts } });
  });

const partialsAtOffsite = async () => (await readdir(world.at(OFFSITE))).filter((name) => name.startsWith('.'));
let gates = 0;

/**
 * A backup whose first attempt stands in crm.customer, with shop safe in the store and on its way to the contractor. Then
 * `change` is done, and it goes on.
 */
async function changedOnce(change: string, attempts?: number) {
  gates += 1;
  const [gate, calls] = [world.at(`gate-${gates}`), world.at(`calls-${gates}`)];
  await mkdir(calls);
  // The compressors of shop and of the accounts come first: that of crm when shop has been read.
  const script = `[ "$1" = --version ] || { mktemp -p '${calls}' >/dev/null
    [ "$(ls '${calls}' | wc -l)" -lt 3 ] || while [ ! -e '${gate}' ]; do sleep 0.05; done; }; exec "$REAL" "$@"`;
  const PATH = await pathWith(world.at(`bin-${gates}`), 'gzip', script);
  const running = world.task('backup', [], { inventory: await inventoryFor(attempts), env: { PATH } });
  try {
    await until('the upload has begun', async () => (await partialsAtOffsite()).length > 0);
    await until('crm is held', async () => (await readdir(calls)).length === 3);
    await execute(root, change);
  } finally {
    await writeFile(gate, '');
  }
  return await running;
}

async function assertWhole(t: Test): Promise<void> {
  await assertNothingHalfDone(t, world);
  t.strictSame(await partialsAtOffsite(), [], 'nothing of the first attempt is left at the contractor');
  t.strictSame(await runsAt(world, OFFSITE), await runsAt(world, STORE));
}

t.test('a table is emptied, an object more is made: the next attempt has them, in the same run', async (t) => {
  for (const [change, says] of [
    ['TRUNCATE crm.staging', 'the table `crm`.`staging` was changed'],
    ['CREATE PROCEDURE crm.greet() SELECT 1', 'the routine `crm`.`greet` was made'],
  ] as const) {
    const ended = await changedOnce(change);
    t.equal(ended.exitCode, 0, ended.stdout + ended.stderr);
    t.match(
      ended.stderr,
      /^warning: .*all dumps begin again, with another snapshot: .*\n *hint: let no schema change/m,
    );
    t.match(ended.stderr, says);
    const manifest = publishedManifests(world).at(-1);
    t.match(manifest, { outcome: 'succeeded', error: null, snapshot: { barrier: 'backup-stage' } });
    t.match(manifest?.givenUp, [{ code: 'schema-changed', durationMs: Number }]);
    t.equal(manifest?.givenUp?.length, 1);
    t.ok(manifest?.copies.every(({ state }) => state === 'complete'));
    await assertWhole(t);
    const words = NAMES.flatMap((name) => ['--database', name, '--overwrite', name]);
    const restored = await world.restore(['--socket', scratch.socket, ...words]);
    t.equal(restored.exitCode, 0, restored.stdout + restored.stderr);
    const [truth, copy] = await Promise.all([readContent(root, NAMES), readContent(scratch.root, NAMES)]);
    t.strictSame(compareContent(truth, copy), [], 'what is restored is as of the second snapshot');
  }
});

t.test('with one attempt the run fails at once', async (t) => {
  const ended = await changedOnce('TRUNCATE crm.staging', 1);
  assertExplained(t, ended, 4, /the table `crm`.`staging` was changed/, /let no schema change run/);
  const manifest = publishedManifests(world).at(-1);
  t.match(manifest, { outcome: 'failed', error: { code: 'schema-changed', phase: 'dump' }, snapshot: null });
  t.equal(manifest?.givenUp, undefined);
  await assertWhole(t);
});

t.test('what is emptied during every attempt fails the run after the last', async (t) => {
  let over = false;
  const emptying = (async () => {
    while (!over) {
      await execute(root, 'TRUNCATE crm.staging');
      await sleep(50);
    }
  })();
  const ended = await world.task('backup', [], { inventory: await inventoryFor(3) });
  over = true;
  await emptying;
  assertExplained(t, ended, 4, /the table `crm`.`staging` was changed/, /let no schema change run/);
  t.equal(ended.stderr.match(/all dumps begin again/g)?.length, 2);
  const manifest = publishedManifests(world).at(-1);
  t.match(manifest, { outcome: 'failed', error: { code: 'schema-changed', phase: 'dump' }, snapshot: null });
  t.strictSame(
    manifest?.givenUp?.map(({ code }) => code),
    ['schema-changed', 'schema-changed'],
  );
  await assertWhole(t);
  const validated = await world.task('validate', []);
  t.equal(validated.exitCode, 0, validated.stdout);
});

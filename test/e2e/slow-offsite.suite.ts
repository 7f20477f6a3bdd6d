import t from 'tap';
import { execute } from '../../lib/database/client.ts';
import { highWaterMark } from '../fixture/high-water-mark.ts';
import { assertNothingHalfDone, OFFSITE, runsAt, STORE } from '../fixture/nothing-half-done.ts';
import { familyOf } from '../fixture/process-watch.ts';
import { publishedManifests } from '../fixture/published.ts';
import { startSlowLink } from '../fixture/slow-link.ts';
import { worldFor } from '../fixture/world.ts';

/* The way to the contractor takes a tenth of what the dump gives: the server notices nothing of that, nor does memory. */

t.setTimeout(600_000);
const MIB = 1024 * 1024;
const world = await worldFor(t);
await execute(
  world.server.root,
  `CREATE DATABASE history; USE history; CREATE TABLE history.page (id INT PRIMARY KEY, text LONGBLOB) ENGINE=InnoDB;
   INSERT INTO history.page SELECT seq, CONCAT(${Array.from({ length: 250 }, () => 'RANDOM_BYTES(1000)').join(', ')}) FROM seq_1_to_200`,
);
await world.goodRun(); // the first run makes what later ones find

/** A run, how long its dumps took, and the most memory that its own process had at any time. */
async function measured(inventory = world.inventoryFolder) {
  let peakBytes = 0;
  const watching = new Set<Promise<void>>();
  const ended = await world.task('backup', ['--json'], {
    inventory,
    onEvent: (_, { pid }) => {
      const look = async () => {
        for (const each of familyOf(pid).slice(0, 1)) peakBytes = Math.max(peakBytes, await highWaterMark(each));
      };
      watching.add(look());
    },
  });
  await Promise.all(watching);
  const manifest = publishedManifests(world).at(-1);
  const msOf = (phase: string) => manifest?.phases.find(({ name }) => name === phase)?.durationMs ?? 0;
  const wholeMs = Date.parse(manifest?.finishedAt ?? '') - Date.parse(manifest?.startedAt ?? '');
  return { ended, manifest, peakBytes, dumpMs: msOf('dump'), wholeMs };
}

t.test('an offsite ten times slower than the dump', async (t) => {
  const usual = await measured();
  t.equal(usual.ended.exitCode, 0, usual.ended.stdout);
  const bytes = usual.manifest?.dayArchive?.sealedBytes ?? 0;
  t.ok(bytes > 50 * MIB, `${bytes} bytes are shipped`);
  const rate = Math.max(bytes / 40, bytes / (10 * (usual.dumpMs / 1000))); // 40 s at most, so that the test ends
  const link = await startSlowLink(world.contractor.port, rate);
  t.teardown(() => link.close());
  const inventory = await world.inventoryWith((host) => {
    Object.assign(host.offsite[0] ?? {}, { port: link.port });
  });

  const slow = await measured(inventory);
  t.equal(slow.ended.exitCode, 0, slow.ended.stdout);
  t.comment(
    `dump ${usual.dumpMs} ms usually and ${slow.dumpMs} ms now, whole run ${usual.wholeMs} and ${slow.wholeMs} ms, ` +
      `memory ${Math.round(usual.peakBytes / MIB)} and ${Math.round(slow.peakBytes / MIB)} MiB, ${Math.round(rate / 1024)} KiB a second`,
  );
  t.ok(link.sentBytes() >= bytes, 'all of it went that way');
  t.ok(slow.wholeMs > (bytes / rate) * 900, 'and it was slow');
  t.ok(slow.dumpMs < 2 * usual.dumpMs + 3000, `the dumps took ${slow.dumpMs} ms, and ${usual.dumpMs} ms usually`);
  t.ok(
    slow.peakBytes < usual.peakBytes + 40 * MIB,
    `${slow.peakBytes} bytes of memory, and ${usual.peakBytes} usually`,
  );
  t.match(slow.manifest, {
    outcome: 'succeeded',
    error: null,
    snapshot: { barrier: 'backup-stage', fallback: null },
    copies: [
      { kind: 'store', state: 'complete' },
      { kind: 'export', state: 'complete' },
      { kind: 'offsite', state: 'complete', verified: 'read back' },
    ],
  });
  t.ok((slow.manifest?.snapshot?.heldMs ?? 9999) < 5000);
  t.strictSame(await runsAt(world, OFFSITE), await runsAt(world, STORE));
  await assertNothingHalfDone(t, world);
  await world.goodRun();
});

import { readdir, rename } from 'node:fs/promises';
import t from 'tap';
import { addDriller } from '../fixture/driller.ts';
import { eventsOf } from '../fixture/task.ts';
import { worldFor } from '../fixture/world.ts';

/* A contractor that has lost the newest run, or keeps it back: what is left there is good, and is not the newest. */

t.setTimeout(400_000);
const world = await worldFor(t, { shopRows: 2 });
await addDriller(world);
await world.goodRun();
await world.goodRun();
const madeAt = Date.now();
const [older, newest = ''] = (await readdir(world.at('offsite/backups/db1'))).sort();
const there = world.at(`offsite/backups/db1/${newest}`);
const elsewhere = world.at('elsewhere');

interface Result {
  readonly record: { readonly run: string; readonly outcome: string };
  readonly error: unknown;
  readonly lost: { readonly code: string; readonly message: string; readonly hint: string } | null;
}

async function drill() {
  const ended = await world.task('drill', ['--json']);
  const events = eventsOf(ended);
  const { data } = (events.at(-1) ?? {}) as { data?: readonly Result[] };
  return { ...ended, outcome: data?.[0], events };
}

t.test('the newest run that is on record is the newest there', async (t) => {
  const { exitCode, outcome, stderr } = await drill();
  t.equal(exitCode, 0, stderr);
  t.match(outcome, { lost: null, error: null, record: { run: newest } });
});

t.test(
  'one that is on record and gone is told by the drill itself, whose restore of an older one is good',
  async (t) => {
    await rename(there, elsewhere);
    // A run that ended less than a minute before may have come while the drill was looking.
    await new Promise((done) => setTimeout(done, Math.max(0, madeAt + 62_000 - Date.now())));
    const { exitCode, outcome, events } = await drill();
    t.equal(exitCode, 5);
    const message = `cannot call ${older} the newest run of db1: by its record ${newest} is in the offsite contractor, complete, and is not found there`;
    const hint = `find out who has lost it, or keeps it back: npx zx tasks/verify.ts db1 --run ${newest} --from offsite:contractor`;
    t.match(outcome, {
      lost: { code: 'drill-failed', message, hint },
      error: null,
      record: { run: older, outcome: 'succeeded' },
    });
    t.ok(events.some((event) => JSON.stringify(event).includes('"warning"') && JSON.stringify(event).includes(newest)));
    const text = await world.task('drill', []);
    t.equal(text.exitCode, 5);
    t.match(text.stdout, `db1: error: ${message}`);
  },
);

t.test('once it is there again, all is well', async (t) => {
  await rename(elsewhere, there);
  const { exitCode, outcome, stderr } = await drill();
  t.equal(exitCode, 0, stderr);
  t.match(outcome, { lost: null, record: { run: newest } });
});

t.test('where the record cannot be read, nobody says that all is well', async (t) => {
  await rename(world.auditRepository, `${world.auditRepository}.away`);
  const { outcome, events } = await drill();
  await rename(`${world.auditRepository}.away`, world.auditRepository);
  t.equal(outcome?.lost, null);
  t.ok(events.some((event) => JSON.stringify(event).includes('nobody knows whether a newer run is on record')));
});

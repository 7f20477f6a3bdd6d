import { execFileSync } from 'node:child_process';
import { readdir, readFile, rename } from 'node:fs/promises';
import t from 'tap';
import { execute } from '../../lib/database/client.ts';
import { exists } from '../../lib/system/files.ts';
import { flipped, whileDamaged } from '../fixture/damage.ts';
import { addDriller } from '../fixture/driller.ts';
import { eventsOf, type TaskEvent } from '../fixture/task.ts';
import { worldFor } from '../fixture/world.ts';

const world = await worldFor(t, { shopRows: 6 });
await addDriller(world);
// What the run brings would lock out whoever had a name of its own on the throwaway server.
await execute(world.server.root, "CREATE USER 'clerk'@'%' IDENTIFIED BY 'a password of a clerk'");
await world.goodRun();
const data = world.at('driller/scratch/server/data');

/** Processes that work on the data directory of the drill's server. */
async function servers(): Promise<number> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
  return lines.filter((line) => line.split('\0').includes(`--datadir=${data}`)).length;
}

const records = () =>
  execFileSync('git', ['-C', world.auditRepository, 'ls-tree', '-r', '--name-only', 'main'], { encoding: 'utf8' })
    .split('\n')
    .filter((path) => /^drills\/.*\.json$/.test(path));

/** When a drill is killed: at the first event of its kind. */
const moments: Readonly<Record<string, (event: TaskEvent) => boolean>> = {
  'while the server is made': ({ event, phase }) => event === 'phase-started' && phase === 'prepare',
  'while every byte is verified': ({ event, phase }) => event === 'progress' && phase === 'verify',
  'when all is verified': ({ text = '' }) => text.includes('verifying every byte'),
};

let expected = 0;
for (const [moment, isNow] of Object.entries(moments)) {
  t.test(`SIGKILL ${moment}: the next drill takes all away, and has it on record`, async (t) => {
    let killed = false;
    const ended = await world.task('drill', ['--json'], {
      onEvent(event, { kill }) {
        if (killed || !isNow(event)) return;
        killed = true;
        // The server is started by now, or is about to be.
        setTimeout(() => kill('SIGKILL'), moment.includes('made') ? 400 : 0);
      },
    });
    t.equal(ended.exitCode, null, ended.stdout + ended.stderr);
    t.ok(await exists(data), 'something is left');
    const next = await world.task('drill', ['--json']);
    t.equal(next.exitCode, 0, next.stdout + next.stderr);
    const events = eventsOf(next);
    t.ok(events.some(({ text = '' }) => text.includes('an earlier drill was killed')));
    t.ok(events.some(({ text = '' }) => text.includes('it is recorded as failed now')));
    t.equal(await servers(), 0);
    t.strictSame(await readdir(world.at('driller/scratch')), []);
    expected += 2;
    t.equal(records().length, expected);
    t.equal((await world.task('validate', [])).exitCode, 0);
  });
}

t.test('an operator who interrupts a drill leaves nothing, and it is on record with the next one', async (t) => {
  let stopped = false;
  const ended = await world.task('drill', ['--json'], {
    onEvent({ event, phase }, { kill }) {
      if (stopped || event !== 'progress' || phase !== 'verify') return;
      stopped = true;
      kill('SIGINT');
    },
  });
  t.equal(ended.exitCode, 130, ended.stdout + ended.stderr);
  t.equal(await servers(), 0);
  t.strictSame(await readdir(world.at('driller/scratch')), []);
  t.equal(records().length, expected, 'whoever stops it does not wait for a network');
  t.equal((await world.task('drill', [])).exitCode, 0);
  t.equal(records().length, expected + 2);
});

t.test('two at a time are one', async (t) => {
  const [one, two] = await Promise.all([world.task('drill', []), world.task('drill', [])]);
  t.strictSame([one.exitCode, two.exitCode].sort(), [0, 6], one.stderr + two.stderr);
});

t.test('a record that cannot be published is owed, and the next drill, of another copy, delivers it', async (t) => {
  const before = records().length;
  const audit = world.auditRepository;
  await rename(audit, `${audit}.away`);
  const owed = await world.task('drill', ['--json']);
  await rename(`${audit}.away`, audit);
  t.equal(owed.exitCode, 3, owed.stderr);
  t.match(eventsOf(owed).at(-1), { data: [{ error: null, publication: 'owed' }] });
  const next = await world.task('drill', ['--from', 'export', '--host', 'db1', '--json']);
  t.equal(next.exitCode, 0, next.stderr);
  t.match(eventsOf(next).at(-1), {
    data: [{ record: { source: { kind: 'export', offsite: null }, outcome: 'succeeded' } }],
  });
  t.equal(records().length, before + 2);
  t.equal((await world.task('validate', [])).exitCode, 0);
});

t.test(
  'one byte of the copy is another: the drill says so, is published all the same, and validate fails',
  async (t) => {
    const before = records().length;
    const [run = ''] = await readdir(world.at('offsite/backups/db1'));
    await whileDamaged(world.at('offsite/backups/db1', run, 'encrypted.dat'), flipped, async () => {
      const ended = await world.task('drill', ['--json']);
      t.equal(ended.exitCode, 5, ended.stdout + ended.stderr);
      const error = { code: 'verification-failed', phase: 'restore' };
      t.match(eventsOf(ended).at(-1), {
        data: [
          {
            error: { code: 'verification-failed', message: /encrypted\.dat/ },
            publication: 'published',
            record: { run, outcome: 'failed', proof: null, error },
          },
        ],
      });
      t.strictSame(await readdir(world.at('driller/scratch')), []);
      t.equal(records().length, before + 1);
      const judged = await world.task('validate', []);
      t.equal(judged.exitCode, 5);
      t.match(
        judged.stdout.replaceAll(/\s+/g, ' '),
        /the last drill of drill1 shows that .* from the offsite contractor cannot be restored/,
      );
    });
  },
);

import t from 'tap';
import { RunId, runIdAt, startOfRun } from '../../lib/model/run-id.ts';

t.test('names a run by its UTC start and reads it back', async (t) => {
  const run = runIdAt(new Date('2026-11-22T04:00:07.900Z'));
  t.equal(run, '2026-11-22T040007Z');
  t.equal(startOfRun(run).toISOString(), '2026-11-22T04:00:07.000Z');
});

t.test('refuses what is not the name of a run', async (t) => {
  for (const text of [
    '',
    '2026-13-22T040000Z',
    '2026-11-22T04:00:00Z',
    '../2026-11-22T040000Z',
    '2026-11-22T040000Z\n',
  ]) {
    t.notOk(RunId.safeParse(text).success, JSON.stringify(text));
  }
});

import fc from 'fast-check';
import t from 'tap';
import { firesBetween, nextFire, previousFire, scheduleFault } from '../../lib/model/schedule.ts';

const at = (text: string) => new Date(text);

t.test('takes what crontab(5) takes', async (t) => {
  for (const schedule of [
    '0 4 * * *',
    '*/15 0-6 * * *',
    '0 4 1,15 * *',
    '0 4 * * 1-5',
    '5 4 * jan Sun',
    '0 4 29 2 *',
    '0\t4 * * 7',
  ]) {
    t.equal(scheduleFault(schedule), undefined, schedule);
  }
});

t.test('refuses what another cron would take, or none', async (t) => {
  const wrong = ['', '* * * *', '0 0 4 * * *', '@daily', '60 4 * * *', '0 24 * * *', '0 4 0 * *', '0 4 32 * *'];
  wrong.push(
    '0 4 * 13 *',
    '0 4 * * 8',
    '5/15 4 * * *',
    '*/0 4 * * *',
    '6-2 4 * * *',
    '0 4 L * *',
    '0 4 ? * *',
    '0 4 * * 1#2',
  );
  wrong.push(
    'H 4 * * *',
    '0 4 * jan-mar *',
    '0~30 4 * * *',
    '0 4 * * *\n0 5 * * *',
    '0, 4 * * *',
    '-1 4 * * *',
    '0 4 */2 * 1',
  );
  for (const schedule of wrong) t.type(scheduleFault(schedule), 'string', JSON.stringify(schedule));
});

t.test('refuses a schedule that never fires', async (t) => {
  t.match(scheduleFault('0 4 31 2 *'), /never fires/);
  t.match(scheduleFault('0 4 30,31 2 *'), /never fires/);
});

t.test('finds the fire at the very moment, and before it', async (t) => {
  t.strictSame(previousFire('0 4 * * *', 'UTC', at('2026-11-22T04:00:00.000Z')), at('2026-11-22T04:00:00Z'));
  t.strictSame(previousFire('0 4 * * *', 'UTC', at('2026-11-22T03:59:59.999Z')), at('2026-11-21T04:00:00Z'));
  t.strictSame(nextFire('0 4 * * *', 'UTC', at('2026-11-22T04:00:00.000Z')), at('2026-11-23T04:00:00Z'));
});

t.test('follows the clocks of the time zone through summer time', async (t) => {
  t.strictSame(previousFire('0 4 * * *', 'Europe/Paris', at('2026-07-01T12:00:00Z')), at('2026-07-01T02:00:00Z'));
  t.strictSame(previousFire('0 4 * * *', 'Europe/Paris', at('2026-12-01T12:00:00Z')), at('2026-12-01T03:00:00Z'));
});

t.test('the previous fire is never after, the next always is, and neither moves in between', async () => {
  const minute = fc.integer({ min: 0, max: 59 });
  const hour = fc.integer({ min: 0, max: 23 });
  const time = fc.date({ min: at('2020-01-01T00:00:00Z'), max: at('2035-01-01T00:00:00Z'), noInvalidDate: true });
  fc.assert(
    fc.property(minute, hour, time, (m, h, now) => {
      const schedule = `${m} ${h} * * *`;
      const before = previousFire(schedule, 'UTC', now);
      const after = nextFire(schedule, 'UTC', now);
      return (
        before <= now &&
        after > now &&
        previousFire(schedule, 'UTC', new Date(after.getTime() - 1)).getTime() === before.getTime()
      );
    }),
    { numRuns: 200 },
  );
});

t.test('judges any text without failing', async () => {
  fc.assert(fc.property(fc.string(), (text) => ['string', 'undefined'].includes(typeof scheduleFault(text))));
  const field = fc.constantFrom('*', '0', '5', '1-5', '*/7', '31', 'feb', 'mon', '2,30', '59');
  fc.assert(
    fc.property(fc.tuple(field, field, field, field, field), (fields) => {
      const schedule = fields.join(' ');
      // What has no fault has a next fire.
      return scheduleFault(schedule) !== undefined || nextFire(schedule, 'UTC', new Date(0)) > new Date(0);
    }),
  );
});

t.test('tells every time between two moments, on the clocks of the host, one an hour at most', async (t) => {
  const between = (schedule: string, timezone: string, from: string, to: string) =>
    firesBetween(schedule, timezone, at(from), at(to)).map((fire) => fire.toISOString().slice(5, 16));
  t.strictSame(between('0 4 * * *', 'UTC', '2026-11-01T04:00:00Z', '2026-11-03T04:00:00Z'), [
    '11-01T04:00',
    '11-02T04:00',
    '11-03T04:00',
  ]);
  // The clocks of Paris go back on 25 October.
  t.strictSame(between('30 4 * * *', 'Europe/Paris', '2026-10-24T00:00:00Z', '2026-10-26T23:00:00Z'), [
    '10-24T02:30',
    '10-25T03:30',
    '10-26T03:30',
  ]);
  t.strictSame(between('0 4 * * 0', 'UTC', '2026-11-02T00:00:00Z', '2026-11-07T00:00:00Z'), []);
  const [first, second] = between('*/7 22-23 * * *', 'UTC', '2026-11-01T00:00:00Z', '2026-11-02T23:00:00Z');
  t.strictSame([first, second], ['11-01T22:00', '11-01T23:00']);
  const year = firesBetween('* * * * *', 'UTC', at('2026-01-01T00:00:00Z'), at('2026-12-31T23:59:00Z'));
  t.equal(year.length, 365 * 24, 'what fires every minute is not a half million times');
});

import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import t from 'tap';
import { toOnCalendar } from '../../lib/host/on-calendar.ts';
import { nextFire, scheduleFault } from '../../lib/model/schedule.ts';
import { findProgram } from '../../lib/system/programs.ts';

const analyze = findProgram('systemd-analyze');

t.test('writes every number out, and two expressions where cron fires on either', async (t) => {
  t.strictSame(toOnCalendar('0 4 * * *'), ['*-*-* 04:00:00']);
  t.strictSame(toOnCalendar('*/15 0-6 * * *'), ['*-*-* 00..06:00,15,30,45:00']);
  t.strictSame(toOnCalendar('5 4 1,15 jan,feb *'.replace('jan,feb', '1-3/2')), ['*-01,03-01,15 04:05:00']);
  t.strictSame(toOnCalendar('0 4 * * 1-5'), ['Mon,Tue,Wed,Thu,Fri *-*-* 04:00:00']);
  t.strictSame(toOnCalendar('0 4 * Dec 7'), ['Sun *-12-* 04:00:00']);
  t.strictSame(toOnCalendar('0 4 13 * fri'), ['*-*-13 04:00:00', 'Fri *-*-* 04:00:00']);
  t.strictSame(toOnCalendar('* * */2 * *'), ['*-*-01,03,05,07,09,11,13,15,17,19,21,23,25,27,29,31 *:*:00']);
});

/** Within a range, and as a list, a range, a step or a name. */
const field = (min: number, max: number, names: readonly string[] = []) => {
  const number = fc.integer({ min, max });
  const range = fc.tuple(number, number).map(([one, other]) => `${Math.min(one, other)}-${Math.max(one, other)}`);
  const step = fc.integer({ min: 1, max }).map((by) => `/${by}`);
  const part = fc.oneof(
    number.map(String),
    range,
    fc.tuple(range, step).map((parts) => parts.join('')),
  );
  const list = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join(','));
  const star = fc.oneof(
    fc.constant('*'),
    step.map((text) => `*${text}`),
  );
  return fc.oneof(list, star, ...(names.length > 0 ? [fc.constantFrom(...names)] : []));
};
const schedule = fc
  .tuple(
    field(0, 59),
    field(0, 23),
    field(1, 31),
    field(1, 12, ['jan', 'Feb', 'DEC']),
    field(0, 7, ['sun', 'Mon', 'SAT']),
  )
  .map((fields) => fields.join(' '))
  .filter((text) => scheduleFault(text) === undefined);

const noAnalyze = analyze ? false : 'systemd-analyze is missing: apt-get install --no-install-recommends systemd';

t.test('systemd fires when cron does', { skip: noAnalyze }, async (t) => {
  const from = new Date('2026-11-22T04:00:00Z');
  for (const text of fc.sample(schedule, 40)) {
    const expected: string[] = [];
    for (let at = from; expected.length < 6; ) {
      at = nextFire(text, 'UTC', at);
      expected.push(at.toISOString());
    }
    t.strictSame(elapses(toOnCalendar(text), from, 6), expected, text);
  }
});

/** The next moments at which one of the expressions elapses, as systemd itself works them out. */
function elapses(expressions: readonly string[], from: Date, count: number): string[] {
  const base = from.toISOString().replace('T', ' ').replace(/\..*/, ' UTC');
  const args = ['calendar', `--iterations=${count}`, `--base-time=${base}`, ...expressions];
  const env = { TZ: 'UTC', LC_ALL: 'C' };
  const { stdout } = spawnSync(analyze ?? '', args, { encoding: 'utf8', env });
  const found = [...stdout.matchAll(/(?:Next elapse|Iter\. #\d+): \w+ (\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) UTC/g)];
  const moments = new Set(found.map(([, day, time]) => `${day}T${time}.000Z`));
  return [...moments].sort().slice(0, count);
}

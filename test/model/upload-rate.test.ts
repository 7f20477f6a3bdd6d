import t from 'tap';
import { LimitsConfig } from '../../lib/model/limits-config.ts';
import { uploadRateAt } from '../../lib/model/upload-rate.ts';

const at = (limits: object, zone: string, time: string) =>
  uploadRateAt(LimitsConfig.parse(limits), zone, new Date(time));
const DAY = { uploadWindows: [{ from: '07:00', to: '19:00', bytesPerSecond: 50_000 }] };

t.test('no limit, one for all day, and one for hours of it', async (t) => {
  t.equal(at({}, 'UTC', '2026-11-22T12:00:00Z'), undefined);
  t.equal(at({ uploadBytesPerSecond: 9000 }, 'UTC', '2026-11-22T12:00:00Z'), 9000);
  for (const [time, rate] of [
    ['06:59:59', undefined],
    ['07:00:00', 50_000],
    ['18:59:59', 50_000],
    ['19:00:00', undefined],
  ] as const)
    t.equal(at(DAY, 'UTC', `2026-11-22T${time}Z`), rate, time);
  t.equal(at({ ...DAY, uploadBytesPerSecond: 9000 }, 'UTC', '2026-11-22T20:00:00Z'), 9000);
});

t.test('a window over midnight, and the first of several counts', async (t) => {
  const night = { from: '22:00', to: '06:00', bytesPerSecond: 2000 };
  const limits = { uploadWindows: [night, { from: '00:00', to: '12:00', bytesPerSecond: 3000 }] };
  t.equal(at(limits, 'UTC', '2026-11-22T23:30:00Z'), 2000);
  t.equal(at(limits, 'UTC', '2026-11-22T00:00:00Z'), 2000);
  t.equal(at(limits, 'UTC', '2026-11-22T06:00:00Z'), 3000);
  t.equal(at(limits, 'UTC', '2026-11-22T12:00:00Z'), undefined);
});

t.test('by the clock on the wall, on the days on which it is changed as well', async (t) => {
  for (const [time, rate] of [
    ['2026-03-28T05:59:59Z', undefined], // 06:59 in winter
    ['2026-03-28T06:00:00Z', 50_000],
    ['2026-03-29T04:59:59Z', undefined], // the day on which summer begins
    ['2026-03-29T05:00:00Z', 50_000],
    ['2026-03-29T17:00:00Z', undefined],
    ['2026-10-25T05:59:59Z', undefined], // and ends
    ['2026-10-25T06:00:00Z', 50_000],
    ['2026-10-25T18:00:00Z', undefined],
  ] as const)
    t.equal(at(DAY, 'Europe/Berlin', time), rate, time);
});

t.test('what is no time of day, and a window of no length, are mistakes', async (t) => {
  for (const window of [
    { from: '7:00', to: '19:00' },
    { from: '07:00', to: '24:00' },
    { from: '07:00', to: '07:00' },
  ])
    t.notOk(LimitsConfig.safeParse({ uploadWindows: [{ ...window, bytesPerSecond: 50_000 }] }).success);
});

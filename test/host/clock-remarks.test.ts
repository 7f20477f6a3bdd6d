import t from 'tap';
import { clockRemark, zoneRemark } from '../../lib/host/clock-remarks.ts';

const now = new Date('2026-11-22T04:00:00Z');

t.test('zones with the same clocks are the same, whatever their names', async (t) => {
  const same = [
    ['UTC', 'Etc/UTC'],
    ['UTC', 'Africa/Abidjan'],
    ['Europe/Paris', 'Europe/Berlin'],
    ['Asia/Calcutta', 'Asia/Kolkata'],
  ] as const;
  for (const [one, other] of same) t.equal(zoneRemark(one, other, now), undefined, `${one} ${other}`);
});

t.test('names both zones when they differ at any hour of the next year', async (t) => {
  const different = [
    ['UTC', 'Europe/London'], // the same in November
    ['America/New_York', 'America/Havana'], // the same but for two hours of the year
    ['UTC', 'No/Such'],
  ] as const;
  for (const [one, other] of different) {
    t.match(zoneRemark(one, other, now), {
      text: new RegExp(`${one}.*${other}`),
      hint: new RegExp(`timedatectl set-timezone ${one}, .*timezone: ${other}`),
    });
  }
  t.match(zoneRemark('UTC', undefined, now), { text: /does not name/, hint: /set-timezone UTC$/ });
});

t.test('says so when the clocks are more than five minutes apart', async (t) => {
  const ms = now.getTime();
  for (const apart of [0, 300_000, -300_000]) t.equal(clockRemark(ms + apart, ms), undefined);
  t.match(clockRemark(ms + 3_600_000, ms), { text: /60 minutes fast/, hint: /set-ntp/ });
  t.match(clockRemark(ms - 300_001, ms), { text: /5 minutes slow/ });
  t.match(clockRemark(0, ms), { text: /\d+ hours slow/ });
});

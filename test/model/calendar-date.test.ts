import t from 'tap';
import { addDays, dateIn, weekdayOf } from '../../lib/model/calendar-date.ts';

t.test('a moment has the date of the clocks that are asked', async (t) => {
  const at = new Date('2026-11-21T23:30:00Z');
  t.equal(dateIn('UTC')(at), '2026-11-21');
  t.equal(dateIn('Europe/Paris')(at), '2026-11-22');
  t.equal(dateIn('America/Los_Angeles')(at), '2026-11-21');
  t.equal(dateIn('Pacific/Kiritimati')(new Date('2026-12-31T11:00:00Z')), '2027-01-01');
});

t.test('days are counted over the ends of months and years, and over changes of clocks', async (t) => {
  t.equal(addDays('2026-12-31', 1), '2027-01-01');
  t.equal(addDays('2028-03-01', -1), '2028-02-29');
  t.equal(addDays('2026-10-25', 1), '2026-10-26');
  t.equal(addDays('2026-11-22', 1 - 365), '2025-11-23');
});

t.test('the week begins with Monday', async (t) => {
  t.equal(weekdayOf('2026-11-23'), 0);
  t.equal(weekdayOf('2026-11-22'), 6);
});

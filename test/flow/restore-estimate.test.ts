import t from 'tap';
import { estimateRestore } from '../../lib/flow/restore-estimate.ts';

const GB = 1e9;
const estimate = (plainBytes: number, readBytes: number, far = false) =>
  estimateRestore([{ plainBytes }], readBytes, { freeBytes: null, oldBytes: 0, far });

t.test('grows with the SQL, and over a line with what is read, twice', async (t) => {
  const near = estimate(1.5 * GB, 0.6 * GB).seconds;
  t.ok(near > 60 && near < 240, `${near} s for 1.5 GB`);
  t.ok(estimate(3 * GB, 1.2 * GB).seconds > 1.9 * near);
  t.ok(estimate(1.5 * GB, 0.6 * GB, true).seconds > near);
  const whole = estimate(0.01 * GB, 10 * GB, true).seconds;
  t.ok(whole > (2 * (10 * GB)) / 60e6, 'one small database out of a whole day archive');
});

t.test('what is needed is more than the SQL, and what is there is passed on', async (t) => {
  const { needsBytes, freeBytes, oldBytes } = estimateRestore([{ plainBytes: 10 }, { plainBytes: 20 }], 1, {
    ...{ freeBytes: 7, oldBytes: 8, far: false },
  });
  t.strictSame([needsBytes, freeBytes, oldBytes], [45, 7, 8]);
});

import fc from 'fast-check';
import t from 'tap';
import { byteScale, durationScale, type Scale } from '../../../lib/report/page/scale.ts';

const GIB = 1024 ** 3;
const MINUTE = 60_000;

t.test('labels are round in the unit that people read', async (t) => {
  t.strictSame(byteScale(2.2 * GIB), { max: 3 * GIB, interval: GIB });
  t.strictSame(byteScale(40 * GIB), { max: 40 * GIB, interval: 10 * GIB });
  t.strictSame(durationScale(83_000), { max: 90_000, interval: 30_000 });
  t.strictSame(durationScale(47 * MINUTE), { max: 60 * MINUTE, interval: 15 * MINUTE });
});

t.test('every value fits, with two to six labels above zero at most', async () => {
  const isFit = ({ max, interval }: Scale, most: number) => max >= most && max / interval <= 5 && interval > 0;
  fc.assert(fc.property(fc.integer({ min: 0, max: 2 ** 50 }), (most) => isFit(byteScale(most), most)));
  fc.assert(fc.property(fc.integer({ min: 0, max: 10 ** 10 }), (most) => isFit(durationScale(most), most)));
});

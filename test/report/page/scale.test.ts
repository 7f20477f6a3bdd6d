import fc from 'fast-check';
import t from 'tap';
import { byteScale, durationScale, type Scale } from '../../../lib/report/page/scale.ts';

const GIB = 1024 ** 3;
const MINUTE = 60_000;

t.test('labels are round in the unit that people read', async (t) => {
  t.match(byteScale(2.2 * GIB), { max: 3 * GIB, interval: GIB });
  t.match(byteScale(40 * GIB), { max: 40 * GIB, interval: 10 * GIB });
  t.match(durationScale(83_000), { max: 90_000, interval: 30_000 });
  t.match(durationScale(47 * MINUTE), { max: 60 * MINUTE, interval: 15 * MINUTE });
  const labels = ({ max, interval, format }: Scale) =>
    Array.from({ length: max / interval + 1 }, (_, n) => format(n * interval)).join(', ');
  t.equal(labels(byteScale(1.4 * GIB)), '0, 0.5 GiB, 1 GiB, 1.5 GiB');
  t.equal(labels(byteScale(3)), '0, 1 B, 2 B, 3 B');
  t.equal(labels(durationScale(83_000)), '0, 30 s, 1 min, 1 min 30 s');
  t.equal(labels(durationScale(9 * 60 * MINUTE)), '0, 4 h, 8 h, 12 h');
});

t.test('every value fits, with two to six labels above zero at most', async () => {
  const isFit = ({ max, interval }: Scale, most: number) => max >= most && max / interval <= 5 && interval > 0;
  fc.assert(fc.property(fc.integer({ min: 0, max: 2 ** 50 }), (most) => isFit(byteScale(most), most)));
  fc.assert(fc.property(fc.integer({ min: 0, max: 10 ** 10 }), (most) => isFit(durationScale(most), most)));
});

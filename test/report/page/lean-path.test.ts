import fc from 'fast-check';
import t from 'tap';
import { leanPath, type Matrix } from '../../../lib/report/page/lean-path.ts';

const SAME: Matrix = [1, 0, 0, 1, 0, 0];

t.test('writes what echarts draws with fewer letters', async (t) => {
  t.equal(leanPath('M25 15l11.2 0l0 11.2l-11.2 0Z', SAME), 'M25 15h11.2v11.2h-11.2z');
  t.equal(
    leanPath('M52 86L66.1 85L80.2 84.6L80.2 112L66.1 112L52 112Z', SAME),
    'M52 86l14.1-1 14.1-.4v27.4h-28.2z'.replace(' 14.1-.4', 'l14.1-.4'),
  );
  t.equal(leanPath('M0 -1L1 0L0 1L-1 0Z', [5, 0, 0, 5, 10, 20]), 'M10 15l5 5l-5 5l-5-5z');
  t.equal(leanPath('M1 0A1 1 0 1 1 1 -0.1', [2, 0, 0, 2, 52, 12]), 'M54 12a2 2 0 1 1 0-.2');
});

t.test('no error grows along a line: each corner is where it was, to a twentieth', async () => {
  const coordinate = fc.double({ min: 0, max: 400, noNaN: true });
  fc.assert(
    fc.property(fc.array(fc.tuple(coordinate, coordinate), { minLength: 2, maxLength: 60 }), (points) => {
      const [first, ...rest] = points;
      const path = `M${first?.join(' ')}${rest.map(([x, y]) => `L${x.toFixed(4)} ${y.toFixed(4)}`).join('')}`;
      const [x = 0, y = 0] = endOf(leanPath(path, SAME));
      const [toX = 0, toY = 0] = points.at(-1) ?? [];
      return Math.abs(x - toX) < 0.0502 && Math.abs(y - toY) < 0.0502;
    }),
  );
});

/** Where a path of M, l, h and v ends. */
function endOf(path: string): readonly number[] {
  let [x, y] = [0, 0];
  for (const [, command = '', list = ''] of path.matchAll(/([Mlhv])([^Mlhv]*)/g)) {
    const [first = 0, second = 0] = (list.match(/-?(?:\d+\.?\d*|\.\d+)/g) ?? []).map(Number);
    if (command === 'M') [x, y] = [first, second];
    else if (command === 'h') x += first;
    else if (command === 'v') y += first;
    else [x, y] = [x + first, y + second];
  }
  return [x, y];
}

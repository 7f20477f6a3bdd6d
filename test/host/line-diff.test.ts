import fc from 'fast-check';
import t from 'tap';
import { lineDiff } from '../../lib/host/line-diff.ts';

t.test('shows what goes, what comes and what stays', async (t) => {
  t.strictSame(lineDiff('a\nb\nc\n', 'a\nB\nc\nd\n'), [' a', '-b', '+B', ' c', '+d']);
  t.strictSame(lineDiff('', 'a\n'), ['+a']);
  t.strictSame(lineDiff('a', 'a\n'), [' a', '-(no newline at the end)']);
});

t.test('without its minus lines it is the new text, without its plus lines the old one', async () => {
  const text = fc.array(fc.constantFrom('a', 'b', 'c', '')).map((lines) => lines.map((line) => `${line}\n`).join(''));
  fc.assert(
    fc.property(text, text, (before, after) => {
      const lines = lineDiff(before, after);
      const without = (sign: string) =>
        lines
          .filter((line) => !line.startsWith(sign))
          .map((line) => `${line.slice(1)}\n`)
          .join('');
      return without('+') === before && without('-') === after;
    }),
  );
});

import fc from 'fast-check';
import t from 'tap';
import { textDiff } from '../../lib/model/text-diff.ts';

t.test('shows what goes and what comes, with one line around it', async (t) => {
  t.strictSame(textDiff('a\nb\nc\nd\n', 'a\nB\nc\nd\ne\n'), [' a', '-b', '+B', ' c', ' d', '+e']);
  const long = 'a\n1\n2\n3\n4\n5\nz\n';
  t.strictSame(textDiff(long, long.replace('a', 'A').replace('z', 'Z')), ['-a', '+A', ' 1', ' …', ' 5', '-z', '+Z']);
  t.strictSame(textDiff('', 'a\nb\n'), ['+a', '+b']);
  t.strictSame(textDiff('a\n', ''), ['-a']);
  t.strictSame(textDiff('a\n', 'a\n'), []);
});

t.test('a newline that is missing at the end is a difference', async (t) => {
  t.strictSame(textDiff('a', 'a\n'), [' a', '-(no newline at the end)']);
  t.strictSame(textDiff('', 'a'), ['+a', '+(no newline at the end)']);
  t.strictSame(textDiff('a\r\n', 'a\n'), ['-a\r', '+a']);
});

t.test('it tells exactly what changed, each line under its sign, and nothing for equal texts', async () => {
  const text = fc
    .array(fc.constantFrom('a', 'b', '', '-', '+x', '\\ No newline at end of file'))
    .map((lines) => lines.map((line) => `${line}\n`).join(''));
  const tally = (lines: readonly string[]) => {
    const found = new Map<string, number>();
    for (const line of lines) found.set(line, (found.get(line) ?? 0) + 1);
    return found;
  };
  fc.assert(
    fc.property(text, text, (before, after) => {
      const lines = textDiff(before, after);
      const signed = (sign: string) => lines.filter((line) => line.startsWith(sign)).map((line) => line.slice(1));
      const linesOf = (text: string) => text.split('\n').slice(0, -1);
      // What stays is neither taken away nor added: taking and adding makes one of the other.
      const [made, wanted] = [tally([...linesOf(before), ...signed('+')]), tally([...linesOf(after), ...signed('-')])];
      return (
        lines.every((line) => /^[-+ ]/.test(line)) &&
        (lines.length === 0) === (before === after) &&
        made.size === wanted.size &&
        [...made].every(([line, count]) => wanted.get(line) === count)
      );
    }),
  );
});

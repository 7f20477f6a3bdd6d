import t from 'tap';
import { formatAge, formatBytes, formatDuration } from '../../lib/report/format.ts';
import { formatTable, onOneLine } from '../../lib/report/table.ts';

t.test('writes sizes with the unit that a person would choose', async (t) => {
  t.equal(formatBytes(0), '0 B');
  t.equal(formatBytes(1023), '1023 B');
  t.equal(formatBytes(1536), '1.5 KiB');
  t.equal(formatBytes(643 * 1024 * 1024), '643 MiB');
  t.equal(formatBytes(5e15), '4547 TiB');
});

t.test('writes durations and ages', async (t) => {
  t.equal(formatDuration(1234), '1.2 s');
  t.equal(formatDuration(59_600), '1 min 0 s');
  t.equal(formatDuration(83_000), '1 min 23 s');
  t.equal(formatDuration(3 * 3_600_000 + 120_000), '3 h 2 min');
  t.equal(formatAge(5 * 60_000), '5 min');
  t.equal(formatAge(3 * 3_600_000), '3 h');
  t.equal(formatAge(80 * 3_600_000), '3 days');
});

t.test('aligns columns and lets no name move the cursor', async (t) => {
  const table = formatTable(
    ['run', 'size'],
    [
      ['a', '1'],
      ['long\nname', '22'],
    ],
  );
  t.equal(table, `run${' '.repeat(11)}size\na${' '.repeat(13)}1\nlong\\x0aname  22`);
  t.equal(onOneLine('\u001b[2Jx\u009b'), '\\x1b[2Jx\\x9b');
});

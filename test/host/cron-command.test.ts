import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import t from 'tap';
import { readCronCommand, writeCronCommand } from '../../lib/host/cron-command.ts';

/** Any word without a line break, and often those that cron and the shell would change. */
const word = fc.oneof(
  fc.string({ unit: fc.constantFrom(...'\\%\'"$`( )#;&|<>*?~!a\t\r=') }),
  fc.string({ unit: 'grapheme' }).filter((text) => !/[\n\0]/.test(text)),
);

t.test('the words reach the program as they were, by way of cron and the shell', async () => {
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 12 }), (words) => {
      const { script, input } = readCronCommand(writeCronCommand(['/usr/bin/printf', '%s\\0', ...words]));
      const { stdout, status } = spawnSync('/bin/sh', ['-c', script], { encoding: 'utf8' });
      return input === undefined && status === 0 && stdout === words.map((text) => `${text}\0`).join('');
    }),
    { numRuns: 150 },
  );
});

t.test('they mean the same to a cron that takes two backslashes for two', async () => {
  fc.assert(
    fc.property(fc.array(word), (words) => {
      const field = writeCronCommand(['/x', ...words]);
      return field.replaceAll('\\%', '%') === readCronCommand(field).script;
    }),
  );
});

t.test('reads percent signs and backslashes as cron does', async (t) => {
  t.strictSame(readCronCommand('date +\\%F'), { script: 'date +%F', input: undefined });
  t.strictSame(readCronCommand('cat % one%two'), { script: 'cat ', input: ' one%two' });
  t.strictSame(readCronCommand('a \\\\% b'), { script: 'a \\', input: ' b' });
  t.strictSame(readCronCommand('a \\x \\'), { script: 'a \\x \\', input: undefined });
});

t.test('refuses what no crontab can carry', async (t) => {
  const refused = { code: 'refused', hint: /inventory/ };
  for (const bad of ['a\nb', 'a\0b', '\ud800']) t.throws(() => writeCronCommand(['/x', bad]), refused);
  for (const bad of [[], ['x'], ['A=b', '/x'], ['']]) t.throws(() => writeCronCommand(bad), /not an absolute path/);
});

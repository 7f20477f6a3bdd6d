import { readFileSync } from 'node:fs';
import t from 'tap';
import { cleanEnvironment, run } from '../../lib/system/command.ts';
import { onTerminal } from '../fixture/terminal-screen.ts';

const root = new URL('../../', import.meta.url).pathname;
const NODE_OPTIONS = /^node-options=(.*)$/m.exec(readFileSync(`${root}.npmrc`, 'utf8'))?.[1] ?? '';
const words = [`${root}node_modules/.bin/zx`, 'test/fixture/progress-play.ts'];

for (const columns of [80, 120]) {
  t.test(`on a terminal of ${columns} columns: a line for each part, over which what stays is said`, async (t) => {
    const { exitCode, screen, glimpses } = await onTerminal(words, { columns }, { cwd: root, env: { NODE_OPTIONS } });
    t.equal(exitCode, 0);
    t.strictSame(screen, [
      'warning: db1: the offsite is slow',
      'hint: look at it',
      'done  dump         db1  4.8 s',
      'all of it is done',
    ]);
    const late = glimpses.findLast((lines) => lines.some((line) => /shop.*of 400 MiB.*\/s.*left/.test(line)));
    t.match(
      late?.find((line) => line.includes('shop')),
      /^ {2}… {3}dump {9}shop {2}\d+ MiB of 400 MiB, \d+ MiB\/s, about \d+(\.\d)? s left$/,
    );
    t.match(
      late?.find((line) => line.includes('db1') && line.includes('…')),
      /^ {2}… {3}dump {9}db1 {2}\d/,
    );
    t.ok(
      late?.some((line) => line.includes('größe 表')),
      'letters that take two columns are no trouble',
    );
    t.ok(
      glimpses.flat().every((line) => line.length < columns),
      'no line is so long that the terminal would break it',
    );
    t.ok(
      glimpses.every((lines) => lines.filter((line) => /… {3}dump {9}shop/.test(line)).length <= 1),
      'what is written over leaves nothing behind',
    );
    const after = glimpses.filter((lines) => lines.some((line) => line.includes('…')) && !/shop/.test(lines.join()));
    t.ok(after.length > 0, 'what is over is no longer there while the rest goes on');
  });
}

t.test('a low terminal tells how many lines it has no room for', async (t) => {
  const size = { columns: 80, rows: 5 };
  const { screen, glimpses } = await onTerminal(words, size, { cwd: root, env: { NODE_OPTIONS, NO_COLOR: '1' } });
  t.ok(glimpses.flat().some((line) => /^ {2}… {3}and 2 more$/.test(line)));
  t.equal(screen.at(-1), 'all of it is done');
});

t.test('colours are there for a terminal, and not where NO_COLOR asks for none', async (t) => {
  const coloured = await onTerminal(words, { columns: 80 }, { cwd: root, env: { NODE_OPTIONS } });
  const plain = await onTerminal(words, { columns: 80 }, { cwd: root, env: { NODE_OPTIONS, NO_COLOR: '1' } });
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours begin with one
  const colour = /\u001b\[3[0-9]m/;
  t.match(coloured.written, colour);
  t.notMatch(plain.written, colour);
  t.strictSame(plain.screen, coloured.screen);
});

t.test('cron and CI get the lines that stay, and not one escape', async (t) => {
  const { exitCode, stdout, stderr } = await run(words[0] ?? '', words.slice(1), {
    cwd: root,
    env: { ...cleanEnvironment(), NODE_OPTIONS },
  });
  t.equal(exitCode, 0);
  t.equal(stdout, 'all of it is done\n');
  t.equal(stderr, 'warning: db1: the offsite is slow\nhint: look at it\ndone  dump         db1  4.8 s\n');
});

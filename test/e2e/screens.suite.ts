import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { cleanEnvironment, run } from '../../lib/system/command.ts';
import { bundleTasks } from '../fixture/bundle.ts';
import { onTerminal } from '../fixture/terminal-screen.ts';
import { REPOSITORY, worldFor } from '../fixture/world.ts';

/*
 * Each task as a person sees it on a terminal of 80 and of 120 columns, with and without colour, and as cron does. What an
 * operator sees at 80 columns is kept in docs/screens.md, which COFFRE_SCREENS=new writes anew.
 */

t.setTimeout(900_000);
const world = await worldFor(t);
const passphrase = world.at('passphrase.txt');
await writeFile(passphrase, `${world.keys.passphrase}\n`, { mode: 0o600 });
const key = ['--key', world.keys.company, '--passphrase-file', passphrase];

/** What is shown, in this order: the later ones need what the first has made. */
const TASKS: readonly { readonly verb: string; readonly words: readonly string[]; readonly exitCode: number }[] = [
  { verb: 'backup', words: ['db1'], exitCode: 0 },
  { verb: 'list', words: ['db1', '--from', 'store'], exitCode: 0 },
  { verb: 'verify', words: ['db1'], exitCode: 0 },
  { verb: 'validate', words: [], exitCode: 0 },
  { verb: 'status', words: [], exitCode: 0 },
  { verb: 'prune', words: ['db1', '--dry-run'], exitCode: 0 },
  { verb: 'keys', words: ['list'], exitCode: 0 },
  {
    verb: 'restore',
    words: [...key, '--defaults-file', world.adminOptions, '--database', 'shop', '--dry-run'],
    exitCode: 8,
  },
  {
    verb: 'restore',
    words: [...key, '--defaults-file', world.adminOptions, '--database', 'shop', '--overwrite', 'shop'],
    exitCode: 0,
  },
  { verb: 'report', words: ['--out', world.at('report.html')], exitCode: 0 },
  { verb: 'backup', words: ['db2'], exitCode: 2 },
  { verb: 'backup', words: ['--jsno'], exitCode: 2 },
];

// biome-ignore lint/suspicious/noControlCharactersInRegex: colours begin with one
const COLOUR = /\u001b\[3[0-9]m/;
const bundle = await bundleTasks();
const wordsOf = ({ verb, words }: (typeof TASKS)[number]) => [
  ...[process.execPath, join(bundle, `${verb}.mjs`), ...words],
  ...(words.includes('--jsno') ? [] : ['--inventory', world.inventoryFolder]),
];

const shown: string[] = [];
for (const task of TASKS) {
  const said = [`${task.verb}.ts`, ...task.words.map(inGeneral)].join(' ');
  t.test(`${said}: on terminals, and without one`, async (t) => {
    for (const [columns, env] of [
      [80, {}],
      [120, { NO_COLOR: '1' }],
    ] as const) {
      const { exitCode, screen, unbroken, written, glimpses } = await onTerminal(
        wordsOf(task),
        { columns },
        { cwd: REPOSITORY, env },
      );
      t.equal(exitCode, task.exitCode, screen.join('\n'));
      t.notOk(
        screen.some((line) => line.includes('…   ')),
        'no line of progress stays',
      );
      t.ok(
        glimpses.flat().every((line) => !line.startsWith('  …   ') || line.length < columns),
        'no line of progress is broken',
      );
      t.notOk(written.includes(world.keys.passphrase));
      if ('NO_COLOR' in env) t.notMatch(written, COLOUR);
      else if (/^(done|error:)/m.test(screen.join('\n'))) t.match(written, COLOUR);
      t.notOk(written.includes('\u001b[?25l') && !written.includes('\u001b[?25h'), 'the cursor is not left hidden');
      if (columns === 80) shown.push(`$ npx zx tasks/${said}\n${unbroken.map(brokenAt80).join('\n')}`);
    }
    const { exitCode, stdout, stderr } = await run(process.execPath, wordsOf(task).slice(1), {
      ...{ cwd: REPOSITORY, env: cleanEnvironment() },
    });
    t.equal(exitCode, task.exitCode, stdout + stderr);
    t.notOk(
      /\p{Cc}/u.test((stdout + stderr).replaceAll('\n', '')),
      'cron gets neither colours nor lines that are written over',
    );
    t.notOk(/…/.test(stderr), 'and nothing of what goes on');
    if (exitCode === 2) t.match(stderr, /^error: [\s\S]*^hint: /m);
  });
}

t.test('docs/screens.md is what was seen', async (t) => {
  const file = join(REPOSITORY, 'docs/screens.md');
  const page = `# What an operator sees

At a terminal of 80 columns, when all is over; while it goes on, a line for each part of a long phase stands below. Paths are shortened.

${shown.map((screen) => `\`\`\`\n${screen}\n\`\`\``).join('\n\n')}
`;
  if (process.env.COFFRE_SCREENS === 'new') await writeFile(file, page);
  t.strictSame(frame(page), frame(await readFile(file, 'utf8')), 'COFFRE_SCREENS=new writes it anew');
});

/** What stays the same from one day, and one machine, to another. */
function frame(page: string): string[] {
  return page
    .replace(/\n/g, '') // where a line is broken, figures decide
    .replace(/(?=[0-9a-f]*\d)[0-9a-f]{12,64}\b/g, '<digest>')
    .replace(/\b([\d.]+ (min|h) )?[\d.]+ (s|min|KiB|MiB|GiB|TiB|B|h)(?![a-z])/g, '<figure>')
    .replace(/\d+/g, '0')
    .replace(/\s+/g, ' ')
    .split('$ npx');
}

function inGeneral(text: string): string {
  return text.replaceAll(world.keys.company, '~/keys/company.pem').replaceAll(world.folder, '~/demo').trimEnd();
}

/** As the terminal breaks it, had the paths been short from the beginning. */
function brokenAt80(line: string): string {
  return (
    inGeneral(line)
      .match(/.{1,80}/g)
      ?.join('\n') ?? ''
  );
}

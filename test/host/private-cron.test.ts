import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { cronEntry } from '../../lib/host/cron-entry.ts';
import { cronFileFaults, readCronFile } from '../../lib/host/cron-file.ts';
import { renderCronEntry } from '../../lib/host/render-cron-entry.ts';
import { HostName } from '../../lib/model/names.ts';
import { sleep } from '../../lib/system/clock.ts';
import { startPrivateCron, whyNoPrivateCron } from '../fixture/private-cron.ts';
import { temporaryFolder } from '../temporary.ts';

/** Words that a shell, cron or a terminal would like to make something else of. */
const HOSTILE = [
  "it's",
  '"$(id)"',
  '100%',
  '\\',
  '\\\\',
  '\\%',
  "\\'",
  '%%',
  ' ',
  '',
  '*',
  '~',
  '-n',
  'a\tb',
  '\r',
  '`id`',
  'é',
  '#x',
  'A=b',
  '!',
  '\u0007',
];

const X = (times: number) => 'x'.repeat(times);
/** Mostly the first, now and then one of the others. */
const mostly = (usual: string, ...others: string[]) =>
  fc.oneof({ weight: 4, arbitrary: fc.constant(usual) }, { weight: 3, arbitrary: fc.constantFrom(...others) });
/** Lines of crontabs, good and bad; those that cron carries out do nothing. */
const entry = fc
  .tuple(
    mostly('*', '5', '60', '*/7', '1-5', '5-1', '1,2', '*/0', '5x', '5/2', '1-', '-', '1-5/2', ',', '*,3', '07', '-*'),
    mostly('*', '4', '24', '0-23/2', 'x', '*/99', '00-05'),
    mostly('*', '1', '31', '0', '32', '1-31', '1,15'),
    mostly('*', '1', 'jan', 'January', 'DEC', '13', '2', '1-12'),
    mostly('*', '0', '7', '8', 'sun', 'Mon', '1-5', 'mon-fri', '5-7'),
    mostly('root', 'nobody', 'nosuchuser', '0', '/bin/true', 'root\t', ''),
    mostly('true', ' true  # x', '', 'true\\% x', 'true % x', 'true\r', `true ${X(993)}`, `true ${X(994)}`),
  )
  .map((fields) => fields.join(' '));
const line = fc.oneof(
  { weight: 2, arbitrary: entry },
  fc.constantFrom(
    'A=1',
    'A =  "x y" ',
    'A=',
    'A=""',
    'A="x',
    "'A'=b",
    `A='"x"'`,
    '=x',
    'A B=c',
    '\tC=d',
    'é=1',
    'A=b c',
  ),
  fc.constantFrom('A="x" y', 'A="x "', '"A=b"=c', 'A', `A=${X(996)}`, `A=${X(997)}`, 'A=%', 'CRON_TZ=UTC', 'A-B=c'),
  fc.constantFrom('', '# x', '  # x', ' ', '\t', '#', '\r', '@nonsense root true', '* * * *', '* * * * * root'),
);
const table = fc
  .tuple(fc.array(line, { minLength: 1, maxLength: 2 }), mostly('\n', '\n', ''))
  .map(([lines, end]) => lines.join('\n') + end);

t.test('the real cron daemon', { skip: whyNoPrivateCron() }, async (t) => {
  const { path: folder, remove } = temporaryFolder();
  t.teardown(remove);
  const tables = join(folder, 'cron.d');
  const fired = join(folder, 'fired');
  mkdirSync(tables);
  mkdirSync(fired);
  chmodSync(folder, 0o755);
  const every = (name: string) => `* * * * * root touch ${fired}/${name}\n`;
  const put = (name: string, text = every(name)) => writeFileSync(join(tables, name), text, { mode: 0o644 });
  const hasFired = (name: string) => existsSync(join(fired, name));

  const ofBytes = (name: string, bytes: number) => {
    const command = `touch ${fired}/${name} #`;
    return `* * * * * root ${command.padEnd(bytes, 'x')}\n`;
  };
  const good = ['accepted', 'Accepted_2-b', 'private', 'just-fits'];
  for (const name of good) put(name);
  put('just-fits', ofBytes('just-fits', 998));
  chmodSync(join(tables, 'private'), 0o400);
  const bad: Record<string, () => void> = {
    'with.dot': () => put('with.dot'),
    'accepted.partial': () => put('accepted.partial'),
    'no-newline': () => put('no-newline', every('no-newline').trimEnd()),
    'group-writes': () => chmodSync(join(tables, 'group-writes'), 0o664),
    'not-roots': () => chownSync(join(tables, 'not-roots'), 65534, 65534),
    linked: () => linkSync(join(tables, 'linked'), join(folder, 'other-name')),
    'no-user': () => put('no-user', `* * * * * touch ${fired}/no-user\n`),
    'unknown-user': () => put('unknown-user', `* * * * * nosuchuser touch ${fired}/unknown-user\n`),
    'bad-line': () => put('bad-line', `${every('bad-line')}60 * * * * root true\n`),
    'empty-variable': () => put('empty-variable', `MAILTO=\n${every('empty-variable')}`),
    'too-long': () => put('too-long', ofBytes('too-long', 999)),
    'bare-percent': () => put('bare-percent', `* * * * * root : % ; touch ${fired}/bare-percent\n`),
    'carriage-return': () => put('carriage-return', every('carriage-return').replace('\n', '\r\n')),
    'only-utc-at-noon': () => put('only-utc-at-noon', `CRON_TZ=UTC\n@yearly root touch ${fired}/only-utc-at-noon\n`),
  };
  for (const [name, spoil] of Object.entries(bad)) {
    put(name);
    spoil();
  }

  const random = fc.sample(table, 200).map((text, index) => ({ name: `random${index}`, text }));
  for (const { name, text } of random) put(name, `@reboot root touch ${fired}/${name}\n${text}`);
  const taken = async (name: string, text?: string) => {
    const file = await readCronFile(join(tables, name));
    if (!file) return false;
    const userExists = (user: string) => user === 'root' || user === 'nobody';
    return (
      cronFileFaults({ ...file, ...(text === undefined ? {} : { text }) }, { expectedOwner: 0, userExists }).length ===
      0
    );
  };
  for (const name of good) t.ok(await taken(name), `the reader takes ${name}`);
  for (const name of Object.keys(bad)) t.notOk(await taken(name), `the reader refuses ${name}`);

  const program = join(folder, 'a program');
  writeFileSync(
    program,
    `#!/bin/sh\nfor word; do printf '%s\\0' "$word"; done > '${fired}/words.new'\nmv '${fired}/words.new' '${fired}/words'\n`,
    { mode: 0o755 },
  );
  const text = renderCronEntry({
    host: HostName.parse('db1'),
    schedule: '* * * * *',
    user: 'root',
    words: [program, ...HOSTILE],
    zone: 'Etc/UTC',
  });
  const entry = cronEntry({ path: join(tables, 'coffre'), desired: { kind: 'present', text } });
  const change = await entry.inspect();
  if (change) await entry.apply(change);

  const startedMs = Date.now();
  const cron = await startPrivateCron(folder);
  t.teardown(() => cron.stop()); // before the folder goes: the last one is called first

  await t.test('takes every file that the reader takes', async (t) => {
    const expected = [];
    for (const { name, text } of random) if (await taken(name, text)) expected.push(name);
    for (let waitedMs = 0; waitedMs < 30_000 && !expected.every(hasFired); waitedMs += 50) await sleep(50);
    for (const name of expected) t.ok(hasFired(name), JSON.stringify(random.find((one) => one.name === name)?.text));
    const refused = random.filter(({ name }) => !hasFired(name)).length;
    t.ok(
      expected.length > 5 && refused > 5,
      `both kinds are there: ${expected.length} taken, ${refused} refused by cron`,
    );
    t.comment(`${expected.length} taken by the reader, ${random.length - refused} by cron, of ${random.length}`);
  });

  await t.test('after a minute only those have fired, and the words have arrived as they were', async (t) => {
    const seen = () => [...good, 'words'].every(hasFired);
    while (Date.now() - startedMs < 90_000 && !seen()) await sleep(100);
    await sleep(500); // a job of a bad file would have begun at the same moment
    for (const name of good) t.ok(hasFired(name), name);
    for (const name of Object.keys(bad)) t.notOk(hasFired(name), name);
    t.ok(readdirSync(fired).includes('carriage-return\r'), 'the CR went into the name of the file');
    t.strictSame(readFileSync(join(fired, 'words'), 'utf8').split('\0').slice(0, -1), HOSTILE);
  });
});

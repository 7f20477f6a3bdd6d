import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { parseOptionFile, withClientOptions } from '../../lib/database/option-file-text.ts';

const PRINT_DEFAULTS = 'my_print_defaults';
const GROUPS = ['client', 'client-server', 'client-mariadb'];

/** What MariaDB's own reader gets out of a text; undefined when it refuses it. */
async function readByMariadb(folder: string, text: string) {
  const path = join(folder, 'my.cnf');
  await writeFile(path, Buffer.from(text, 'latin1'), { mode: 0o600 });
  const { status, stdout } = spawnSync(PRINT_DEFAULTS, [`--defaults-file=${path}`, ...GROUPS], { encoding: 'latin1' });
  if (status !== 0) return undefined;
  const last = (key: string) =>
    stdout
      .replace(/\n$/, '')
      .split('\n--')
      .map((line) => line.replace(/^--/, '').replace(/^loose-/, ''))
      .findLast((line) => line.startsWith(`${key}=`) || line === key)
      ?.slice(key.length + 1) || undefined;
  return { user: last('user'), password: last('password') };
}

const texts: Readonly<Record<string, { text: string; password: string | undefined }>> = {
  'a plain one': { text: '[client]\nuser=b\npassword=x\n', password: 'x' },
  'one cut by a #': { text: '[client]\npassword = ab#cd\n', password: 'ab' },
  'one with a # in quotes': { text: '[client]\npassword = "ab#cd" # ours\n', password: 'ab#cd' },
  'one with the other quotes': { text: "[client]\npassword = 'a\"b'\n", password: 'a"b' },
  'one with a quote in its middle': { text: "[client]\npassword = it's#1\n", password: "it's#1" },
  'one with escapes': { text: '[client]\npassword = "a\\\\b\\s\\q\\t"\n', password: 'a\\b \\q\t' },
  'one that ends in a backslash': { text: '[client]\npassword = ab\\\n', password: 'ab\\' },
  'blanks inside quotes': { text: '[client]\npassword = "  a  "  \n', password: '  a  ' },
  'a carriage return': { text: '[client]\r\npassword = a\r\n', password: 'a' },
  'the last of two': { text: '[client]\npassword = a\n[client-mariadb]\npassword = b\n', password: 'b' },
  'another section': { text: '[client]\n[mysqld]\npassword = a\n', password: undefined },
  'no value': { text: '[client]\npassword\n', password: undefined },
  'a comment': { text: '[client]\n# password = a\n;password = b\n', password: undefined },
  'a blank after the name of the section': { text: '[client ]\npassword = a\n', password: 'a' },
  'a byte that latin1 takes for a blank': { text: '[client]\npassword = caf\xc3\xa0\n', password: 'caf\xc3' },
};

for (const [name, { text, password }] of Object.entries(texts)) {
  t.test(`reads ${name} as MariaDB does`, async (t) => {
    t.equal(parseOptionFile(text)?.password, password);
    t.strictSame(await readByMariadb(t.testdir(), text), parseOptionFile(text));
  });
}

t.test('refuses what MariaDB refuses', async (t) => {
  for (const text of ['user=b\n', '[client\nuser=b\n']) {
    t.equal(parseOptionFile(text), undefined);
    t.equal(await readByMariadb(t.testdir(), text), undefined);
  }
});

t.test('any line at all is read as MariaDB reads it', async (t) => {
  const folder = t.testdir();
  const value = fc.array(fc.constantFrom('a', '#', "'", '"', '\\', ' ', '=', ';', 'n', 's', '[', ']', '!'), {
    maxLength: 12,
  });
  const line = fc.tuple(fc.constantFrom('password=', 'password =', '[client]\n', ' user = ', 'loose-password='), value);
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 3 }), async (lines) => {
      const text = `[client]\n${lines.map(([key, signs]) => key + signs.join('')).join('\n')}\n`.replace(/^!/gm, '');
      const expected = await readByMariadb(folder, text);
      const { user, password } = parseOptionFile(text) ?? {};
      t.strictSame({ user, password }, { user: expected?.user, password: expected?.password });
    }),
    { numRuns: 100 },
  );
});

t.test('what is written is read back, and what else stands there stays', async (t) => {
  const folder = t.testdir();
  const before = '# ours\n[mysqldump]\nquick\n[client]\nport = 1\npassword = old\n[mysql]\npager\n';
  const after = withClientOptions(before, { user: 'b', password: 'new' });
  t.equal(after, '# ours\n[mysqldump]\nquick\n[client]\nuser = "b"\npassword = "new"\nport = 1\n[mysql]\npager\n');
  t.equal(withClientOptions('nonsense', { user: 'b', password: undefined }), '[client]\nuser = "b"\n');
  const word = fc.string({ unit: fc.constantFrom('a', '#', "'", '"', '\\', ' ', ';', '%', '$(x)', '`'), minLength: 1 });
  await fc.assert(
    fc.asyncProperty(word, word, async (user, password) => {
      const text = withClientOptions(before, { user, password });
      t.strictSame(parseOptionFile(text), { user, password });
      t.strictSame(await readByMariadb(folder, text), { user, password });
    }),
    { numRuns: 40 },
  );
});

import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';
import t from 'tap';
import { ensureNamesKey, NamesKey, namesKeyPath } from '../../lib/seal/names-key.ts';
import { run } from '../../lib/system/command.ts';

t.test('the key is made once, stays private, and gives the same name the same hash ever after', async (t) => {
  const folder = join(t.testdir(), 'etc/coffre');
  const key = await ensureNamesKey(folder);
  const path = namesKeyPath(folder);
  t.equal((await stat(path)).mode & 0o777, 0o600);
  const text = await readFile(path, 'utf8');
  t.match(text, /^[0-9a-f]{64}\n$/);
  const hash = key.hash('shop');
  t.match(hash, /^h-[0-9a-f]{32}$/);
  t.equal((await ensureNamesKey(folder)).hash('shop'), hash);
  t.equal(await readFile(path, 'utf8'), text);
  t.not(key.hash('Shop'), hash);
  t.not((await ensureNamesKey(join(t.testdir({}), 'other'))).hash('shop'), hash, 'another host has other hashes');
});

t.test('openssl gets the same hash from the file of the key', async (t) => {
  const folder = t.testdir();
  const key = await ensureNamesKey(folder);
  const digits = (await readFile(namesKeyPath(folder), 'utf8')).trim();
  for (const name of ['shop', 'Bücher', "o'dd\n"]) {
    const words = ['dgst', '-sha256', '-mac', 'HMAC', '-macopt', `hexkey:${digits}`, '-r'];
    const { stdout } = await run('openssl', words, { input: name });
    t.equal(key.hash(name), `h-${stdout.slice(0, 32)}`);
  }
});

t.test('what is no key is refused and never replaced', async (t) => {
  const folder = t.testdir();
  for (const text of ['', 'abc\n', `${'0'.repeat(64)}\n\n`, 'G'.repeat(64)]) {
    await writeFile(namesKeyPath(folder), text);
    await t.rejects(ensureNamesKey(folder), { code: 'refused', hint: /mv / });
    t.equal(await readFile(namesKeyPath(folder), 'utf8'), text);
  }
});

t.test('it does not tell itself', (t) => {
  const digits = '5a'.repeat(32);
  const key = NamesKey.parse(digits);
  t.ok(key);
  for (const text of [String(key), JSON.stringify({ key }), inspect({ key }), inspect(key, { showHidden: true })]) {
    t.notMatch(text, /5a5a/);
  }
  t.end();
});

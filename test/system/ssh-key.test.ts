import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { run } from '../../lib/system/command.ts';
import { makeKeyFile, makeKeyFolder, publicHalf, publicHalfOfOpenKey } from '../../lib/system/ssh-key.ts';

t.test('a pair in a folder of its own, and one beside other files', async (t) => {
  const folder = t.testdir();
  await makeKeyFolder(join(folder, 'a b/signing'), 'id_ed25519', 'db1');
  await makeKeyFile(join(folder, "etc/it's_ed25519"), '-C $(id)');
  t.strictSame(readdirSync(join(folder, 'a b')), ['signing']);
  t.strictSame(readdirSync(join(folder, 'etc')), ["it's_ed25519", "it's_ed25519.pub"]);
  for (const [path, comment] of [
    ['a b/signing/id_ed25519', 'db1'],
    ["etc/it's_ed25519", '-C $(id)'],
  ] as const) {
    const half = await publicHalf(join(folder, path));
    t.match(half, /^ssh-ed25519 \S+$/);
    t.equal(readFileSync(join(folder, `${path}.pub`), 'utf8'), `${half} ${comment}\n`);
    t.equal(statSync(join(folder, path)).mode & 0o777, 0o600);
  }
});

t.test('what a killed one left does not stop the next, and is not taken for a key', async (t) => {
  const folder = t.testdir({ 'key.partial': { key: 'half' }, 'signing.partial': { id: 'half' }, signing: {} });
  await makeKeyFile(join(folder, 'key'), 'db1');
  await makeKeyFolder(join(folder, 'signing'), 'id', 'db1');
  t.ok(await publicHalf(join(folder, 'key')));
  t.ok(await publicHalf(join(folder, 'signing/id')));
  t.strictSame(readdirSync(folder), ['key', 'key.pub', 'signing']);
});

t.test('there is no public half of what ssh-keygen does not take', async (t) => {
  const folder = t.testdir({ nonsense: 'no key', empty: '' });
  const at = (name: string) => join(folder, name);
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', 'open sesame', '-f', at('locked')]);
  await makeKeyFile(at('open'), 'db1');
  for (const name of ['nonsense', 'locked', 'missing', 'empty']) {
    if (existsSync(at(name))) chmodSync(at(name), 0o600);
    t.equal(await publicHalf(at(name)), undefined, name);
  }
  chmodSync(at('open'), 0o644);
  t.equal(await publicHalf(at('open')), undefined, 'others can read it');
  t.equal(`${await publicHalfOfOpenKey(at('open'))} db1\n`, readFileSync(at('open.pub'), 'utf8'));
  t.equal(await publicHalfOfOpenKey(at('locked')), undefined, 'has a passphrase');
  await t.rejects(publicHalfOfOpenKey(at('missing')), { code: 'not-found' });
});

t.test('where nothing can be written it is told, and nothing is left', async (t) => {
  const folder = t.testdir();
  writeFileSync(join(folder, 'file'), '');
  await t.rejects(makeKeyFile(join(folder, 'file/key'), 'db1'), { code: 'write-failed', hint: String });
  mkdirSync(join(folder, 'taken/key.pub/x'), { recursive: true });
  await t.rejects(makeKeyFile(join(folder, 'taken/key'), 'db1'), { code: 'not-found', message: /it is a folder/ });
  t.notOk(existsSync(join(folder, 'taken/key')), 'no private half without its public one');
});

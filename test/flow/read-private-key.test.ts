import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { readPrivateKey } from '../../lib/flow/read-private-key.ts';
import { KEY_PASSPHRASE, keyPair, plainKeyPair } from '../seal/keys.ts';

const folder = t.testdir();

async function fileOf(name: string, content: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

t.test('asks for the passphrase of a key that has one, and for no other', async (t) => {
  const asked: string[] = [];
  const ask = (path: string, answer: string) => () => {
    asked.push(path);
    return Promise.resolve(answer);
  };
  const own = await fileOf("the company's.pem", (await keyPair()).privateKey);
  t.equal((await readPrivateKey(own, ask(own, KEY_PASSPHRASE))).asymmetricKeyType, 'rsa');
  await t.rejects(readPrivateKey(own, ask(own, 'wrong')), {
    code: 'private-key',
    message: /the passphrase is wrong/,
    hint: `try it with: openssl pkey -noout -in '${join(folder, 'the company')}'\\''s.pem'`,
  });
  t.strictSame(asked, [own, own]);
  const bare = await fileOf('bare.pem', plainKeyPair().privateKey);
  t.equal((await readPrivateKey(bare, ask(bare, ''))).asymmetricKeyType, 'rsa');
  const damaged = await fileOf('damaged.pem', plainKeyPair().privateKey.replace(/^M/m, '!'));
  await t.rejects(readPrivateKey(damaged, ask(damaged, '')), { message: /: the file is damaged$/ });
  const none = await fileOf('README.md', '# no key');
  await t.rejects(readPrivateKey(none, ask(none, '')), { code: 'private-key', message: /not a private key in PEM/ });
  await t.rejects(readPrivateKey(`${none}.gone`, ask(none, '')), { code: 'not-found' });
  t.strictSame(asked, [own, own], 'nobody types a passphrase for nothing');
});

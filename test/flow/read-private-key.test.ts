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

t.test(
  'a passphrase that is wrong is asked for again, as often as is said, and what is no key only once',
  async (t) => {
    const own = await fileOf('typed.pem', (await keyPair()).privateKey);
    const typing = (...answers: string[]) => {
      const asked: boolean[] = [];
      const ask = async (again: boolean) => {
        asked.push(again);
        return answers.shift() ?? '';
      };
      return { asked, ask };
    };
    const second = typing('wrong', KEY_PASSPHRASE);
    t.equal((await readPrivateKey(own, second.ask, 3)).asymmetricKeyType, 'rsa');
    t.strictSame(second.asked, [false, true]);
    const never = typing('wrong', 'wrong', 'wrong', KEY_PASSPHRASE);
    await t.rejects(readPrivateKey(own, never.ask, 3), { code: 'private-key', message: /the passphrase is wrong/ });
    t.strictSame(never.asked, [false, true, true]);
  },
);

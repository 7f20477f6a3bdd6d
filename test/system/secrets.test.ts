import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { CoffreError } from '../../lib/model/error.ts';
import { publicText } from '../../lib/system/known-secrets.ts';
import { readSecrets } from '../../lib/system/secrets.ts';

const put = async (folder: string, content: string, mode = 0o600) => {
  const path = join(folder, '.env');
  await writeFile(path, content, { mode });
  await chmod(path, mode);
  return path;
};

t.test('reads secrets by name and leaves the environment alone', async (t) => {
  const path = await put(t.testdir(), 'OFFSITE_PASSPHRASE="a # b"\nEMPTY=\n');
  const secrets = await readSecrets(path);
  t.equal(secrets.secret('OFFSITE_PASSPHRASE'), 'a # b');
  t.notHas(process.env, 'OFFSITE_PASSPHRASE');
  t.notMatch(JSON.stringify(secrets), /a # b/);
});

t.test('names the variable and the file when a secret is missing, and no value', async (t) => {
  const path = await put(t.testdir(), 'OTHER=hunter2\nEMPTY=\n');
  const secrets = await readSecrets(path);
  for (const name of ['MISSING', 'EMPTY']) {
    const error = t.throws(() => secrets.secret(name), { code: 'not-found' }) as CoffreError;
    t.ok(error.message.includes(name) && error.message.includes(path));
    t.notMatch(`${error.message} ${error.hint}`, /hunter2/);
  }
});

t.test('refuses a file that others can read', async (t) => {
  for (const mode of [0o644, 0o640, 0o604, 0o602, 0o610]) {
    const path = await put(t.testdir(), 'A=hunter2\n', mode);
    const error = await readSecrets(path).catch((error: unknown) => error);
    t.ok(error instanceof CoffreError && error.code === 'refused' && error.exitCode === 8, mode.toString(8));
    t.match(error, { hint: /chmod 600/ });
    t.notMatch(String(error), /hunter2/);
  }
});

t.test('what stands there is told in no text, also where others could read it', async (t) => {
  await readSecrets(await put(t.testdir(), 'KEY="of the house"\nAPP_USER=somebody\n'));
  await t.rejects(readSecrets(await put(t.testdir(), 'KEY="of the garden"\n', 0o644)), { code: 'refused' });
  t.equal(publicText('somebody has: of the house, of the garden'), 'somebody has: [secret], [secret]');
});

t.test('refuses a folder, and takes no file for no secrets', async (t) => {
  const folder = t.testdir({ '.env': {} });
  await t.rejects(readSecrets(join(folder, '.env')), { code: 'refused' });
  const none = await readSecrets(join(folder, 'nowhere'));
  t.throws(() => none.secret('A'), { code: 'not-found' });
});

import { chmod, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { keyResource } from '../../lib/host/key-resource.ts';
import { makeKeyFile, publicHalf } from '../../lib/system/ssh-key.ts';

t.test('a key is made once, stays private, and is never replaced', async (t) => {
  const path = join(t.testdir(), 'keys/offsite_ed25519');
  const resource = keyResource({ path, purpose: 'reaches the offsite', make: () => makeKeyFile(path, 'db1') });
  const change = await resource.inspect();
  t.match(change, { action: 'create', lines: ['+reaches the offsite', '+ed25519, made on the host'] });
  if (change) await resource.apply(change);
  t.equal(await resource.inspect(), undefined);
  t.equal((await stat(path)).mode & 0o777, 0o600);
  const made = await publicHalf(path);
  t.equal((await readFile(`${path}.pub`, 'utf8')).trim(), `${made} db1`);

  await chmod(path, 0o644);
  const drift = await resource.inspect();
  t.strictSame(drift?.lines, ['-mode 0644', '+mode 0600']);
  if (drift) await resource.apply(drift);
  t.equal(await publicHalf(path), made, 'it is the same key');
  t.equal(await resource.inspect(), undefined);
});

t.test('what is no key is refused, and left as it is', async (t) => {
  const path = join(t.testdir(), 'key');
  await writeFile(path, 'not a key\n', { mode: 0o600 });
  const resource = keyResource({ path, purpose: 'signs', make: () => t.fail('it must not be made') as never });
  await t.rejects(resource.inspect(), { code: 'refused', hint: /mv / });
  t.equal(await readFile(path, 'utf8'), 'not a key\n');
});

t.test('a key with a passphrase has to be there', async (t) => {
  const path = join(t.testdir(), 'key');
  const resource = keyResource({ path, purpose: 'x', make: () => makeKeyFile(path, 'x'), hasPassphrase: true });
  await t.rejects(resource.inspect(), { code: 'not-found', hint: /ssh-keygen -t ed25519/ });
});

t.test('a key whose making was killed is made by the next run', async (t) => {
  const path = join(t.testdir(), 'key');
  await makeKeyFile(path, 'first');
  // as after a kill between the public half and the private one
  await rename(path, join(path, '..', 'gone'));
  await makeKeyFile(path, 'second');
  t.match(await readFile(`${path}.pub`, 'utf8'), / second\n$/);
  t.equal(`${await publicHalf(path)} second\n`, await readFile(`${path}.pub`, 'utf8'));
});

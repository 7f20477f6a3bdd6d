import { createHash, generateKeyPairSync } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import t from 'tap';
import { unwrapPassphrase, wrapPassphrase } from '../../lib/seal/envelope.ts';
import { Passphrase } from '../../lib/seal/passphrase.ts';
import { openPrivateKey } from '../../lib/seal/private-key.ts';
import { describePublicKey } from '../../lib/seal/public-key.ts';
import { run } from '../../lib/system/command.ts';
import { KEY_PASSPHRASE, keyPair, plainKeyPair } from './keys.ts';

const OAEP = ['-pkeyopt', 'rsa_padding_mode:oaep', '-pkeyopt', 'rsa_oaep_md:sha256'];

t.test('unwraps what it wrapped, and another way each time', async (t) => {
  const { publicKey, privateKey } = await keyPair();
  const passphrase = Passphrase.random();
  const [first, second] = [wrapPassphrase(publicKey, passphrase), wrapPassphrase(publicKey, passphrase)];
  t.equal(first.length, 512);
  t.notOk(first.equals(second));
  t.equal(unwrapPassphrase(first, openPrivateKey(privateKey, KEY_PASSPHRASE)).reveal(), passphrase.reveal());
});

t.test('is opened by openssl, and opens what openssl wrapped', async (t) => {
  const { publicKey, privateKey } = await keyPair();
  const passphrase = Passphrase.random();
  const folder = t.testdir({ 'key.pem': privateKey, 'public.pem': publicKey, text: passphrase.reveal() });
  writeFileSync(join(folder, 'pass'), KEY_PASSPHRASE, { mode: 0o600 });
  writeFileSync(join(folder, 'wrapped'), wrapPassphrase(publicKey, passphrase));
  const opened = await run(
    'openssl',
    ['pkeyutl', '-decrypt', '-inkey', 'key.pem', '-passin', 'file:pass', ...OAEP, '-in', 'wrapped'],
    { cwd: folder },
  );
  t.match(opened, { exitCode: 0, stdout: passphrase.reveal() });

  const theirs = ['pkeyutl', '-encrypt', '-pubin', '-inkey', 'public.pem', ...OAEP, '-in', 'text', '-out', 'theirs'];
  t.match(await run('openssl', theirs, { cwd: folder }), { exitCode: 0 });
  const back = unwrapPassphrase(readFileSync(join(folder, 'theirs')), openPrivateKey(privateKey, KEY_PASSPHRASE));
  t.equal(back.reveal(), passphrase.reveal());
});

t.test('says which key is needed when another one is tried, or the envelope is damaged', async (t) => {
  const { publicKey, privateKey } = await keyPair();
  const wrapped = wrapPassphrase(publicKey, Passphrase.random());
  const other = openPrivateKey(plainKeyPair(4096).privateKey, '');
  t.throws(() => unwrapPassphrase(wrapped, other), { code: 'private-key', hint: /keys\.ts list/ });
  wrapped.writeUInt8((wrapped[100] ?? 0) ^ 1, 100);
  const key = openPrivateKey(privateKey, KEY_PASSPHRASE);
  t.throws(() => unwrapPassphrase(wrapped, key), { code: 'private-key' });
  t.throws(() => unwrapPassphrase(Buffer.alloc(0), key), { code: 'private-key' });
});

t.test('writes private keys that openssl reads, under AES-256 and 600000 rounds', async (t) => {
  const { publicKey, privateKey } = await keyPair();
  t.match(privateKey, /^-----BEGIN ENCRYPTED PRIVATE KEY-----\n/);
  const folder = t.testdir({ 'key.pem': privateKey, pass: KEY_PASSPHRASE, wrong: 'wrong' });
  const read = (pass: string) =>
    run('openssl', ['pkey', '-in', 'key.pem', '-passin', `file:${pass}`, '-pubout'], { cwd: folder });
  t.match(await read('pass'), { exitCode: 0, stdout: publicKey });
  t.not((await read('wrong')).exitCode, 0);
  const form = await run('openssl', ['asn1parse', '-in', 'key.pem'], { cwd: folder });
  for (const part of [/PBES2/, /PBKDF2/, /INTEGER\s+:0927C0/, /hmacWithSHA256/, /aes-256-cbc/])
    t.match(form.stdout, part);
});

t.test('says that the passphrase of a private key is wrong, and shows neither', async (t) => {
  const { privateKey } = await keyPair();
  for (const wrong of ['', 'wrong']) {
    t.throws(() => openPrivateKey(privateKey, wrong), { code: 'private-key', hint: /openssl pkey/ });
  }
  t.throws(() => openPrivateKey('nothing', 'x'), { code: 'private-key', message: /not a private key/ });
  const elliptic = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  t.throws(() => openPrivateKey(elliptic, ''), { code: 'private-key', message: /not an RSA key/ });
  const secret = privateKey.split('\n')[3] ?? '';
  t.notOk(inspect(openPrivateKey(privateKey, KEY_PASSPHRASE)).includes(secret));
});

t.test('knows size and fingerprint of a public key as openssl does', async (t) => {
  const { publicKey } = await keyPair();
  const facts = describePublicKey(publicKey, 'company');
  t.equal(facts.bits, 4096);
  const folder = t.testdir({ 'public.pem': publicKey });
  await run('openssl', ['pkey', '-pubin', '-in', 'public.pem', '-outform', 'DER', '-out', 'der'], { cwd: folder });
  t.equal(
    facts.fingerprint,
    createHash('sha256')
      .update(readFileSync(join(folder, 'der')))
      .digest('hex'),
  );
});

t.test('refuses a recipient that is short, private, not RSA, or no key', async (t) => {
  const elliptic = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }).toString();
  for (const [pem, why] of [
    [plainKeyPair(2048).publicKey, /2048 bits/],
    [plainKeyPair(2048).privateKey, /private key/],
    [elliptic, /ed25519/],
    ['-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n', /not a public key/],
  ] as const) {
    t.throws(() => describePublicKey(pem, 'company'), { code: 'inventory', message: why, hint: /keys\.ts/ });
  }
});

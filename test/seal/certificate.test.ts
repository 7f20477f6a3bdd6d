import { X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { certifyPem } from '../../lib/seal/certificate.ts';
import { unwrapPassphrase, wrapPassphrase } from '../../lib/seal/envelope.ts';
import { generateKeyPair } from '../../lib/seal/key-pair.ts';
import { Passphrase } from '../../lib/seal/passphrase.ts';
import { openPrivateKey } from '../../lib/seal/private-key.ts';
import { describePublicKey } from '../../lib/seal/public-key.ts';
import { run } from '../../lib/system/command.ts';
import { plainKeyPair } from './keys.ts';

const from = new Date('2026-11-24T10:00:00.000Z');

t.test('openssl reads a certificate of coffre, and gets the public key out of it', async (t) => {
  const { publicKey, privateKey } = plainKeyPair(3072);
  const pem = certifyPem(privateKey, { name: 'company', from, days: 730 });
  const cwd = t.testdir({ 'company.pem': pem, 'key.pem': privateKey });
  const x509 = (...words: string[]) => run('openssl', ['x509', '-in', 'company.pem', '-noout', ...words], { cwd });
  t.match(await x509('-pubkey'), { exitCode: 0, stdout: publicKey });
  t.match(await x509('-subject', '-enddate'), { stdout: /CN ?= ?company\nnotAfter=Nov 23 10:00:00 2028 GMT/ });
  t.match(await x509('-text'), { stdout: /Key Encipherment[\s\S]*CA:FALSE|CA:FALSE[\s\S]*Key Encipherment/ });
  t.match(
    await run(
      'openssl',
      ['verify', '-attime', '1796000000', '-CAfile', 'company.pem', '-partial_chain', 'company.pem'],
      { cwd },
    ),
    {
      stdout: 'company.pem: OK\n',
    },
  );
  t.same(
    describePublicKey(pem, 'company'),
    describePublicKey(publicKey, 'company'),
    'the fingerprint is of the key alone',
  );

  const passphrase = Passphrase.random();
  writeFileSync(join(cwd, 'company.key.enc'), wrapPassphrase(pem, passphrase));
  const decrypt = ['pkeyutl', '-decrypt', '-inkey', 'key.pem', '-pkeyopt', 'rsa_padding_mode:oaep'];
  const opened = await run('openssl', [...decrypt, '-pkeyopt', 'rsa_oaep_md:sha256', '-in', 'company.key.enc'], {
    cwd,
  });
  t.match(opened, { exitCode: 0, stdout: passphrase.reveal() }, 'by hand it is opened as ever');
});

t.test('a pair is made with one, and serial numbers differ', async (t) => {
  const wish = { name: 'escrow', from, days: 36_525 };
  const pair = await generateKeyPair('six words that nobody guesses', wish);
  const certificate = new X509Certificate(pair.publicKey);
  t.equal(new Date(certificate.validTo).getUTCFullYear(), 2126, 'beyond what two digits of a year can say');
  t.ok(certificate.verify(certificate.publicKey));
  const key = openPrivateKey(pair.privateKey, 'six words that nobody guesses');
  t.ok(certificate.checkPrivateKey(key));
  const passphrase = Passphrase.random();
  t.equal(unwrapPassphrase(wrapPassphrase(pair.publicKey, passphrase), key).reveal(), passphrase.reveal());
  const { privateKey } = plainKeyPair();
  const serial = () => new X509Certificate(certifyPem(privateKey, wish)).serialNumber;
  t.not(serial(), serial());
});

t.test('of an openssl of somebody else, it is taken as well', async (t) => {
  const cwd = t.testdir({});
  const words = ['req', '-x509', '-newkey', 'rsa:3072', '-nodes', '-keyout', 'key.pem', '-out', 'cert.pem'];
  t.match(await run('openssl', [...words, '-subj', '/CN=company', '-days', '10'], { cwd }), { exitCode: 0 });
  const pem = (await run('cat', ['cert.pem'], { cwd })).stdout;
  const key = openPrivateKey((await run('cat', ['key.pem'], { cwd })).stdout, '');
  const passphrase = Passphrase.random();
  t.equal(unwrapPassphrase(wrapPassphrase(pem, passphrase), key).reveal(), passphrase.reveal());
});

import t from 'tap';
import { readRecipients, readRetired } from '../../lib/inventory/recipients.ts';
import { keyEnd } from '../../lib/model/key-end.ts';
import { certifyPem } from '../../lib/seal/certificate.ts';
import { plainKeyPair } from '../seal/keys.ts';

const from = new Date('2026-11-24T10:00:00.000Z');
const [good, weak] = [plainKeyPair(3072), plainKeyPair(2048)];
const certificate = certifyPem(good.privateKey, { name: 'company', from, days: 10 });

t.test('takes a public key, or a certificate of one', async (t) => {
  const folder = t.testdir({ recipients: { 'company.pem': certificate, 'escrow.pem': good.publicKey } });
  const { recipients, findings } = await readRecipients(folder);
  t.strictSame(findings, []);
  t.strictSame(
    [...recipients.values()].map(({ publicKey }) => keyEnd(publicKey)?.getUTCFullYear()),
    [2026, undefined],
  );
});

t.test('tells what will do for neither', async (t) => {
  const texts = {
    'weak.pem': certifyPem(weak.privateKey, { name: 'weak', from, days: 10 }),
    'two.pem': certificate + certificate,
    'both.pem': good.publicKey + certificate,
    'damaged.pem': certificate.replace(/^MII/m, 'AII'),
    'mixed.pem': certificate.replace('END CERTIFICATE', 'END PUBLIC KEY'),
  };
  const { findings } = await readRecipients(t.testdir({ recipients: texts }));
  const told = new Map(findings.map(({ file, message }) => [file, message]));
  t.match(told.get('recipients/weak.pem'), /2048 bits are too few/);
  t.match(told.get('recipients/damaged.pem'), /not a public key, nor a certificate of one/);
  for (const name of ['two', 'both', 'mixed']) t.match(told.get(`recipients/${name}.pem`), /expected one public key/);
  t.equal(told.size, 5);
});

t.test('a key that was rotated away is named by its recipient and its fingerprint', async (t) => {
  const folder = t.testdir({
    recipients: { retired: { 'company.pem': good.publicKey, 'notes.txt': 'x', 'README.md': 'y' } },
  });
  const { retired, findings } = await readRetired(folder);
  t.strictSame(retired, []);
  t.match(findings.map(({ file }) => file).sort(), ['recipients/retired/company.pem', 'recipients/retired/notes.txt']);
  t.strictSame(await readRetired(t.testdir({})), { retired: [], findings: [] }, 'there need be none');
});

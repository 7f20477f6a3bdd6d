import t from 'tap';
import { keyEnd, keyEndRemark } from '../../lib/model/key-end.ts';
import { RecipientName } from '../../lib/model/names.ts';
import { certifyPem } from '../../lib/seal/certificate.ts';
import { plainKeyPair } from '../seal/keys.ts';

const company = RecipientName.parse('company');
const pair = plainKeyPair();
const from = new Date('2026-01-01T00:00:00.000Z');
const pem = certifyPem(pair.privateKey, { name: company, from, days: 365 });
const after = (days: number) => new Date(from.getTime() + days * 86_400_000);

t.test('a certificate has an end, a bare key has none', async (t) => {
  t.strictSame(keyEnd(pem), new Date('2027-01-01T00:00:00.000Z'));
  t.equal(keyEnd(pair.publicKey), null);
  t.equal(keyEnd('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'), null, 'nor has one that is none');
  t.equal(keyEndRemark(company, pair.publicKey, after(100_000)), undefined);
});

t.test('the end is told from sixty days before on, and loudly behind it', async (t) => {
  t.equal(keyEndRemark(company, pem, after(304)), undefined);
  t.match(keyEndRemark(company, pem, after(305)), {
    text: 'the certificate of company ends on 2027-01-01, in 60 days',
    hint: /keys\.ts rotate company --private-key FILE --days 730/,
    hasEnded: false,
  });
  t.match(keyEndRemark(company, pem, after(363.5)), { text: /in 1 day$/ });
  t.match(keyEndRemark(company, pem, after(365)), { text: /in 0 days$/, hasEnded: false });
  t.match(keyEndRemark(company, pem, after(368)), {
    text: 'THE CERTIFICATE OF company HAS ENDED, on 2027-01-01, 3 days ago; runs are sealed for its key all the same',
    hasEnded: true,
  });
});

import t from 'tap';
import { encodeHostRecord, parseHostRecord, parseManifest } from '../../lib/audit/canonical.ts';
import { drillPath, isOfChain, manifestPath, placeOf, recordPath } from '../../lib/audit/paths.ts';
import { factsOf, parseSigned } from '../../lib/audit/signed-record.ts';
import type { HostName } from '../../lib/model/names.ts';
import { runIdAt } from '../../lib/model/run-id.ts';
import { hostChain, hostRecordsOf, newerBytes } from '../fixture/host-record.ts';
import { manifestOf } from '../fixture/manifest.ts';
import { signerOf } from '../fixture/signer.ts';

const AT = new Date('2026-11-22T04:00:07Z');
const RECORDS = hostRecordsOf('db1', AT);
const DB1 = 'db1' as HostName;
const refused = { code: 'verification-failed' } as const;

for (const [kind, record] of Object.entries(RECORDS)) {
  t.test(`takes its own bytes of a ${kind}, and nothing else`, async (t) => {
    const bytes = encodeHostRecord(record);
    t.strictSame(parseHostRecord(bytes), { record });
    const text = bytes.toString('utf8');
    for (const [name, other] of Object.entries({
      'a line end': `${text}\n`,
      'an unknown field': text.replace('"host"', '"hoax":1,"host"'),
      'another kind': text.replace(`"kind":"${kind}"`, '"kind":"backup"'),
      'a kind that this version does not have': text.replace(`"kind":"${kind}"`, '"kind":"rehearsal"'),
      'no kind': text.replace(`"kind":"${kind}",`, ''),
      'a duplicate key': text.replace('"host":"db1"', '"host":"db2","host":"db1"'),
      'free text': text.replace('"outcome":"succeeded"', '"outcome":"all went well"'),
    })) {
      t.not(other, text, name);
      t.throws(() => parseHostRecord(Buffer.from(other)), refused, name);
    }
  });
}

t.test('an outcome that the other fields deny is none', async (t) => {
  for (const record of [RECORDS.verify, RECORDS.prune])
    t.throws(() => encodeHostRecord({ ...record, outcome: 'failed' }), { message: /does not fit/ });
});

t.test('of a newer minor version, what it has added is left out; of a newer kind the header is read', async (t) => {
  const { verify } = RECORDS;
  const newer = { ...verify, version: '1.7', places: [{ ...verify.places[0], soon: [1] }], later: { a: 1 } };
  t.strictSame(parseHostRecord(newerBytes(newer)), {
    record: { ...verify, version: '1.7', places: [verify.places[0]] },
  });
  const { sequence, previous, outcome, startedAt, finishedAt } = verify;
  const header = { version: '1.7', kind: 'fire-drill', host: DB1, sequence, previous, outcome, startedAt, finishedAt };
  t.strictSame(parseHostRecord(newerBytes({ ...newer, kind: 'fire-drill' })), { header });
  t.throws(() => parseHostRecord(newerBytes({ ...newer, kind: 'fire-drill', version: '1.2' })), refused);
  t.throws(() => parseHostRecord(newerBytes({ ...newer, kind: 'FIRE' })), refused);
  t.throws(() => parseHostRecord(newerBytes({ ...newer, kind: 'fire-drill', sequence: 0 })), refused);
});

t.test('a code of an error that a newer minor version has added is read as unexpected', async (t) => {
  const failed = manifestOf('db1', AT, {
    version: '1.7',
    outcome: 'failed',
    error: { code: 'no-space', phase: 'dump' },
  });
  const of = (code: string, version: string) => newerBytes({ ...failed, version, error: { code, phase: 'dump' } });
  t.match(parseManifest(of('out-of-luck', '1.7')), { error: { code: 'unexpected', phase: 'dump' } });
  t.match(parseManifest(of('no-space', '1.7')), { error: { code: 'no-space' } });
  t.throws(() => parseManifest(of('out-of-luck', '1.2')), refused, 'this version has no such code');
  t.throws(() => parseManifest(of('Access denied for bkpuser', '1.7')), refused, 'that is no code');
});

t.test('a newer major version is refused, and says which coffre can read it', async (t) => {
  const sentence = /^cannot read the \w+: it was written by a newer coffre: version 2\.0; this one reads 1\.x$/;
  const newer = newerBytes({ ...RECORDS.verify, version: '2.0' });
  t.throws(() => parseHostRecord(newer), { ...refused, message: sentence, hint: /git pull/ });
  t.throws(() => parseHostRecord(newerBytes({ ...RECORDS.verify, version: '2.0', kind: 'fire-drill' })), {
    message: sentence,
  });
  t.throws(() => parseManifest(newerBytes(manifestOf('db1', AT, { version: '2.0' }))), { message: sentence });
  t.throws(() => parseHostRecord(newerBytes({ ...RECORDS.verify, version: '0.9' })), {
    message: /written by no coffre: version 0\.9; this one reads 1\.x$/,
  });
});

t.test('each kind has a place of its own, so that two of one second do not collide', async (t) => {
  const name = runIdAt(AT);
  const paths = [...Object.keys(RECORDS), 'fire-drill'].map((kind) => recordPath(DB1, name, kind));
  t.equal(new Set([...paths, manifestPath(DB1, name)]).size, 6);
  for (const path of paths) {
    for (const [suffix, kind] of [
      ['', 'record'],
      ['.sig', 'signature'],
    ] as const) {
      const place = placeOf(path + suffix);
      const record = path.slice(path.indexOf('Z-') + 2, -'.json'.length);
      t.strictSame(place, { host: DB1, name, kind, of: 'manifests', record });
      t.ok(typeof place === 'object' && isOfChain(place, { of: 'manifests', host: DB1 }));
    }
  }
  t.match(placeOf(manifestPath(DB1, name)), { record: 'backup' });
  t.match(placeOf(drillPath(DB1, name, 'drill1' as HostName)), { record: 'drill', of: 'drills' });
  for (const odd of ['backup', 'drill', 'Verify', 'a--b', '-a', 'a.b', '', 'x'.repeat(33), 'a\n'])
    t.equal(placeOf(`manifests/db1/2026/${name}-${odd}.json`), undefined, odd);
  t.equal(placeOf('.gitattributes'), 'other');
  t.equal(placeOf('manifests/.gitattributes'), undefined);
});

t.test('what was kept says itself what it is', async (t) => {
  const signer = await signerOf(t, 'db1');
  const chain = hostChain(signer);
  for (const signed of [
    await chain.run(AT),
    await chain.record('provision', AT),
    await chain.record('key-rotation', AT),
    await chain.record('prune', AT),
    await chain.record('verify', AT),
    await chain.newer('fire-drill', AT),
  ]) {
    t.strictSame(parseSigned(signed.bytes, signed.signature), signed);
  }
  const last = await chain.record('provision', AT);
  t.match(factsOf(last), {
    ...{ sequence: 7, name: '2026-11-22T040007Z', signer: 'db1' },
    path: 'manifests/db1/2026/2026-11-22T040007Z-provision.json',
    line: 'db1 provision 2026-11-22T040007Z succeeded',
  });
  t.throws(() => parseSigned(Buffer.from('{"kind":"verify"}'), Buffer.alloc(0)), refused);
  t.throws(() => parseSigned(Buffer.from('no record'), Buffer.alloc(0)), refused);
});

import fc from 'fast-check';
import t from 'tap';
import { encodeManifest, parseManifest } from '../../lib/audit/canonical.ts';
import { CoffreError } from '../../lib/model/error.ts';
import type { DatabaseName } from '../../lib/model/names.ts';
import { manifestOf } from '../fixture/manifest.ts';

const MANIFEST = manifestOf('db1', new Date('2026-11-22T04:00:00Z'));
const TEXT = encodeManifest(MANIFEST).toString('utf8');
const refused = { code: 'verification-failed' } as const;
const parse = (text: string) => parseManifest(Buffer.from(text, 'utf8'));

t.test('reads what it writes, for any manifest', async () => {
  const time = fc.date({ min: new Date('2000-01-01'), max: new Date('2100-01-01'), noInvalidDate: true });
  const name = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
    .filter((text) => !text.includes('\0') && text.length <= 256);
  const [archive] = MANIFEST.archives;
  fc.assert(
    fc.property(time, fc.array(name), fc.nat(), (at, names, bytes) => {
      if (!archive) return false;
      const archives = names.map((database) => ({ ...archive, database: database as DatabaseName, plainBytes: bytes }));
      const manifest = manifestOf('db1', at, { archives });
      const encoded = encodeManifest(manifest);
      return encodeManifest(parseManifest(encoded)).equals(encoded);
    }),
  );
});

t.test('takes its own bytes and no other spelling of them', async (t) => {
  t.strictSame(parse(TEXT), MANIFEST);
  const other = {
    'a line end': `${TEXT}\n`,
    'a blank': TEXT.replace(',', ', '),
    'a byte order mark': `\ufeff${TEXT}`,
    'an escape': TEXT.replace('"db1"', '"db\\u0031"'),
    'another number': TEXT.replace('"sequence":1', '"sequence":1.0'),
    'another order': TEXT.replace('"kind":"backup",', '').replace('{', '{"kind":"backup",'),
    'a duplicate key': TEXT.replace('"host":"db1"', '"host":"db2","host":"db1"'),
    'a duplicate key after it': TEXT.replace('"host":"db1"', '"host":"db1","host":"db1"'),
    'an unknown field': TEXT.replace('"host"', '"hoax":1,"host"'),
    'a prototype': TEXT.replace('{', '{"__proto__":{"a":1},'),
    'a missing field': TEXT.replace('"deliveries":[],', ''),
    'a lone surrogate': TEXT.replace('"shop"', '"\\ud800"'),
    'a null byte': TEXT.replace('"shop"', '"\\u0000"'),
  };
  for (const [name, text] of Object.entries(other)) {
    t.not(text, TEXT, name);
    t.throws(() => parse(text), refused, name);
  }
});

t.test('refuses bytes that are not UTF-8, too large, or nested too deep', async (t) => {
  t.throws(() => parseManifest(Buffer.concat([Buffer.from(TEXT.slice(0, -1)), Buffer.from([0xff, 0x7d])])), {
    ...refused,
    message: /UTF-8/,
  });
  t.throws(() => parse(' '.repeat(1024 * 1024 + 1)), { ...refused, message: /mebibyte/ });
  t.throws(() => parse('['.repeat(500_000) + ']'.repeat(500_000)), { ...refused, message: /nested deeper/ });
  t.throws(() => parse(`${`{"a":`.repeat(100_000)}1${'}'.repeat(100_000)}`), { ...refused, message: /nested deeper/ });
});

t.test('takes a newer minor version without what it added, and refuses another major one', async (t) => {
  const newer = TEXT.replace('"version":"1.0"', '"version":"1.7"').replace(
    '"sequence":1,',
    '"sequence":1,"soon":{"a":[1]},',
  );
  const sorted = newer.replace('"soon":{"a":[1]},', '').replace('"startedAt"', '"soon":{"a":[1]},"startedAt"');
  t.strictSame(parse(sorted), { ...MANIFEST, version: '1.7' });
  t.throws(() => parse(newer), { ...refused, message: /canonical/ });
  t.throws(() => parse(TEXT.replace('"version":"1.0"', '"version":"2.0"')), {
    ...refused,
    message: /written by a newer coffre: version 2\.0; this one reads 1\.x$/,
  });
  for (const none of ['one', '01.2', '1.02', '1.1234567', '1'])
    t.throws(() => parse(TEXT.replace('"version":"1.0"', `"version":"${none}"`)), {
      ...refused,
      message: /names no version/,
    });
});

t.test('never shows a value', async (t) => {
  try {
    parse(TEXT.replace('"host":"db1"', '"host":"hunter2 secret"'));
    t.fail('accepted');
  } catch (error) {
    t.match(error, { message: /its field host does not fit/ });
    t.notMatch(String(error), /hunter2/);
  }
});

t.test('fails for any bytes with an error of ours, or not at all', async () => {
  const mutated = fc.tuple(fc.nat(TEXT.length - 1), fc.nat(255)).map(([at, byte]) => {
    const bytes = Buffer.from(TEXT);
    bytes[at] = byte;
    return bytes;
  });
  const any = fc.oneof(
    fc.uint8Array().map((bytes) => Buffer.from(bytes)),
    fc.json().map((text) => Buffer.from(text)),
    mutated,
  );
  fc.assert(
    fc.property(any, (bytes) => {
      try {
        return encodeManifest(parseManifest(bytes)).equals(bytes);
      } catch (error) {
        return error instanceof CoffreError && error.code === 'verification-failed';
      }
    }),
    { numRuns: 500 },
  );
});

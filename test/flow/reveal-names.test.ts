import t from 'tap';
import { encodeManifest } from '../../lib/audit/canonical.ts';
import { signManifest } from '../../lib/audit/sign.ts';
import { revealNames } from '../../lib/flow/reveal-names.ts';
import { publishedName, sealNames } from '../../lib/flow/seal-names.ts';
import type { Manifest } from '../../lib/model/manifest.ts';
import type { DatabaseName } from '../../lib/model/names.ts';
import { NamesKey } from '../../lib/seal/names-key.ts';
import { Passphrase } from '../../lib/seal/passphrase.ts';
import type { RunReader } from '../../lib/storage/run-reader.ts';
import { bytesOf } from '../bytes.ts';
import { manifestOf } from '../fixture/manifest.ts';

const key = NamesKey.parse('2b'.repeat(32)) as NamesKey;
const passphrase = Passphrase.random();

/** A copy of a run that has these files. */
function copyWith(files: Readonly<Record<string, Buffer>>): RunReader {
  return {
    where: 'a copy',
    list: async () => Object.keys(files),
    sizeOf: async (name) => files[name]?.length,
    read: (name) => bytesOf(files[name] ?? Buffer.alloc(0)),
  };
}

/** A run of `shop`, in which `orders` has no transactions and `lines` has a lane of its own. */
async function hashedRun(names: readonly string[] = ['shop', 'orders', 'lines']) {
  const { record, content } = await sealNames(key, names, passphrase);
  const plain = manifestOf('db1', new Date('2026-11-22T04:00:00Z'));
  const database = publishedName(key, 'shop' as DatabaseName);
  const { snapshot } = plain;
  const lane = { kind: 'lane' as const, databases: 1, part: 1, binlog: null };
  const manifest: Manifest = {
    ...plain,
    version: '1.3',
    names: record,
    snapshot: snapshot && {
      ...snapshot,
      positions: [
        { ...lane, table: publishedName(key, 'lines') },
        { ...lane, kind: 'group', table: null },
      ],
    },
    archives: plain.archives.map((archive) => ({
      ...archive,
      database,
      file: `${database}.tar.gz.enc`,
      segments: { ...archive.segments, file: `${database}.tar.gz.enc.segments` },
      notPointInTime: [{ table: publishedName(key, 'orders'), engine: 'MyISAM' }],
    })),
  };
  return { manifest, reader: copyWith({ [record.file]: content }), content };
}

t.test('whoever has the passphrase gets the real names, of databases and of tables', async (t) => {
  const { manifest, reader, content } = await hashedRun();
  t.equal(content.length, 16 + 4096 + 16);
  t.notMatch(encodeManifest(manifest).toString(), /shop|orders|lines/);
  const revealed = await revealNames(manifest, reader, passphrase);
  t.match(revealed.archives, [
    { database: 'shop', file: /^h-[0-9a-f]{32}\.tar\.gz\.enc$/, notPointInTime: [{ table: 'orders' }] },
  ]);
  t.match(revealed.snapshot?.positions, [{ table: 'lines' }, { table: null }]);
});

t.test('what has its real names back can be neither signed nor encoded', async (t) => {
  const { manifest, reader } = await hashedRun();
  const revealed = await revealNames(manifest, reader, passphrase);
  t.throws(() => encodeManifest(revealed), { code: 'unexpected', message: /names does not fit/ });
  // @ts-expect-error: nothing that signs takes one
  await t.rejects(signManifest(revealed, t.testdir()), { code: 'unexpected' });
});

t.test('each real name in a manifest that says it has none keeps it from being encoded', async (t) => {
  const { manifest } = await hashedRun();
  const [archive] = manifest.archives;
  if (!archive) throw new Error('no archive');
  t.ok(encodeManifest(manifest));
  const change = (changes: Partial<typeof archive>) => ({ ...manifest, archives: [{ ...archive, ...changes }] });
  const lane = { kind: 'lane' as const, databases: 1, part: 1, binlog: null, table: 'lines' };
  for (const wrong of [
    change({ database: 'shop' as DatabaseName }),
    change({ file: 'shop.tar.gz.enc' }),
    change({ segments: { ...archive.segments, file: 'shop.tar.gz.enc.segments' } }),
    change({ kind: 'accounts', database: null, file: 'shop.tar.gz.enc' }),
    change({ notPointInTime: [{ table: 'orders', engine: 'MyISAM' }] }),
    { ...manifest, snapshot: manifest.snapshot && { ...manifest.snapshot, positions: [lane] } },
  ]) {
    t.throws(() => encodeManifest(wrong), { code: 'unexpected', message: /names does not fit/ });
  }
});

t.test('a manifest with plain names is what it is, and nothing is read for it', async (t) => {
  const plain = manifestOf('db1', new Date('2026-11-22T04:00:00Z'));
  t.equal(await revealNames(plain, copyWith({}), passphrase), plain);
});

t.test('a copy without the list, or with another one, is not taken', async (t) => {
  const { manifest, content } = await hashedRun();
  const file = manifest.names?.file ?? '';
  const flipped = Buffer.from(content);
  flipped[20] = (flipped[20] ?? 0) ^ 1;
  for (const files of [{}, { [file]: flipped }, { [file]: content.subarray(0, -16) }] as Record<string, Buffer>[]) {
    await t.rejects(revealNames(manifest, copyWith(files), passphrase), { code: 'verification-failed' });
  }
  for (const names of [
    ['shop', 'orders'],
    ['shop', 'orders', 'lines', 'more'],
  ]) {
    const other = await hashedRun(names);
    await t.rejects(revealNames(other.manifest, other.reader, passphrase), {
      code: 'verification-failed',
      message: /names\.json\.enc has (no|a) name for h-/,
    });
  }
  await t.rejects(revealNames(manifest, copyWith({ [file]: content }), Passphrase.random()));
});

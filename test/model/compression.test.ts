import t from 'tap';
import { encodeManifest, parseManifest } from '../../lib/audit/canonical.ts';
import { Archive } from '../../lib/model/archive-record.ts';
import { manifestOf } from '../fixture/manifest.ts';

const OLD = manifestOf('db1', new Date('2026-11-22T04:00:00Z'), { version: '1.0' });
const [shop] = OLD.archives;

t.test('a manifest of version 1.0 says nothing of compression, and is read as gzip', async (t) => {
  const { archives } = parseManifest(encodeManifest(OLD));
  t.match(archives, [{ file: 'shop.tar.gz.enc' }]);
  t.notOk('compression' in (archives[0] ?? {}));
});

t.test('the name of an archive and the manifest say the same, or it is no manifest', async (t) => {
  const says = (file: string, compression?: string) => Archive.safeParse({ ...shop, file, compression }).success;
  t.ok(says('shop.tar.gz.enc', 'gzip'));
  t.ok(says('shop.tar.zst.enc', 'zstd'));
  t.notOk(says('shop.tar.zst.enc', 'gzip'));
  t.notOk(says('shop.tar.zst.enc'));
  t.notOk(says('shop.tar.gz.enc', 'zstd'));
  t.notOk(says('shop.enc', 'gzip'));
});

import fc from 'fast-check';
import t from 'tap';
import { archiveFileName } from '../../lib/archive/file-name.ts';
import { Archive } from '../../lib/model/archive-record.ts';
import { compressionOf } from '../../lib/model/compression.ts';
import { DatabaseName } from '../../lib/model/names.ts';

const nameOf = (database: string) => archiveFileName(DatabaseName.parse(database));

t.test('leaves plain names as they are, and escapes the others', async (t) => {
  t.equal(nameOf('shop_2-b'), 'shop_2-b.tar.gz');
  t.equal(nameOf('..'), '%2E%2E.tar.gz');
  t.equal(nameOf('a/b'), 'a%2Fb.tar.gz');
  t.equal(nameOf('-e'), '%2De.tar.gz');
  t.equal(nameOf('ü'), '%C3%BC.tar.gz');
  t.equal(nameOf('@accounts'), '%40accounts.tar.gz');
  t.equal(archiveFileName(null), '@accounts.tar.gz');
  t.not(nameOf('Shop'), nameOf('shop'));
  t.equal(archiveFileName(DatabaseName.parse('a.tar.gz'), 'zstd'), 'a%2Etar%2Egz.tar.zst');
  t.equal(compressionOf(`${archiveFileName(null, 'zstd')}.enc`), 'zstd');
  t.equal(compressionOf(archiveFileName(null)), 'gzip');
  for (const other of ['encrypted.dat', 'shop.tar', 'shop.tar.zst.enc.segments'])
    t.equal(compressionOf(other), undefined, other);
});

t.test('fits on a disk with all that comes behind it, and into a manifest', async (t) => {
  const character = fc.oneof(
    fc.constantFrom('ж', '日', 'a', '-', '.', '%', '~', '@', '/', '\n'),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
  );
  const names = fc
    .array(character, { minLength: 1, maxLength: 64 })
    .map((all) => all.join(''))
    .filter((name) => DatabaseName.safeParse(name).success && Buffer.from(name).toString() === name);
  fc.assert(
    fc.property(names, names, (one, other) => {
      const name = archiveFileName(DatabaseName.parse(one), 'zstd');
      t.ok(Buffer.byteLength(`${name}.enc.segments.partial`) <= 255);
      t.ok(Archive.shape.file.safeParse(`${name}.enc.segments`).success, name);
      t.equal(nameOf(one) === nameOf(other), one === other);
    }),
    { numRuns: 500 },
  );
});

t.test('tells long names apart that begin alike', async (t) => {
  t.not(nameOf(`${'ж'.repeat(63)}a`), nameOf(`${'ж'.repeat(63)}b`));
});

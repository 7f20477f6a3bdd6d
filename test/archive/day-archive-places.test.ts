import t from 'tap';
import { dayArchivePlaces } from '../../lib/archive/day-archive-places.ts';
import { dayTar } from '../../lib/archive/day-tar.ts';
import { readDayArchive } from '../../lib/archive/read-day-archive.ts';
import { bytesOf, collect } from '../bytes.ts';

const names = ['shop.tar.gz', `${'l'.repeat(120)}.tar.gz`, 'empty.tar.zst', '@accounts.tar.gz'];
const sizes = [1000, 512, 0, 77];
const entries = names.map((name, at) => ({ name, sizeBytes: sizes[at] ?? 0 }));

t.test('each entry stands where it is said to, a long name too', async (t) => {
  const made = entries.map((entry, at) => ({ ...entry, content: bytesOf(Buffer.alloc(entry.sizeBytes, 65 + at)) }));
  const tar = await collect(dayTar(made));
  const places = dayArchivePlaces(entries, tar.length);
  for (const [at, { name, sizeBytes }] of entries.entries()) {
    const { start, bytes } = places?.get(name) ?? { start: 0, bytes: 0 };
    const read = readDayArchive(bytesOf(tar.subarray(start, start + bytes)));
    const { value } = await read.next();
    t.match(value, { name, sizeBytes });
    const content = value ? await collect(value.content) : undefined;
    t.ok(content?.equals(Buffer.alloc(sizeBytes, 65 + at)));
  }
});

t.test('a tar of another size is not told from the sizes of its entries', async (t) => {
  t.equal(dayArchivePlaces(entries, 12345), null);
});

import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import t from 'tap';
import { beginsAsTar } from '../../lib/archive/begins-as-tar.ts';
import { dayTar } from '../../lib/archive/day-tar.ts';
import { bytesOf, collect } from '../bytes.ts';

const content = Buffer.concat([randomBytes(60_000), Buffer.alloc(60_000)]);
const tar = await collect(dayTar([{ name: 'shop.tar.gz', sizeBytes: content.length, content: bytesOf(content) }]));

t.test('tells the beginning of a tar, compressed or not, however much there is of it', async (t) => {
  for (const bytes of [2048, 16_384]) {
    t.ok(beginsAsTar(tar.subarray(0, bytes), null));
    for (const level of [0, 1, 9]) t.ok(beginsAsTar(gzipSync(tar, { level }).subarray(0, bytes), 'gzip'), `${level}`);
  }
  t.ok(beginsAsTar(gzipSync(tar), 'gzip'), 'all of it');
  t.ok(beginsAsTar(Buffer.from('28b52ffd24', 'hex'), 'zstd'));
});

t.test('noise is none, nor is what is compressed in another way, or is no tar', async (t) => {
  for (let times = 0; times < 200; times += 1) {
    const noise = randomBytes(2048);
    for (const compression of ['gzip', 'zstd', null] as const) t.notOk(beginsAsTar(noise, compression));
    t.notOk(beginsAsTar(gzipSync(noise), 'gzip'));
  }
  t.notOk(beginsAsTar(tar, 'gzip'));
  t.notOk(beginsAsTar(gzipSync(tar), null));
  for (const compression of ['gzip', 'zstd', null] as const) t.notOk(beginsAsTar(Buffer.alloc(0), compression));
});

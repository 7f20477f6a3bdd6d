import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { readSealed, readSegments } from '../../lib/flow/read-sealed.ts';
import { Sha256 } from '../../lib/model/names.ts';
import type { SealedFile } from '../../lib/model/stages.ts';
import { encodeSegments } from '../../lib/seal/segment-list.ts';
import { folderReader } from '../../lib/storage/run-folders.ts';
import { collect } from '../bytes.ts';

const SEGMENT_BYTES = 65_536;
const CONTENT = Buffer.alloc(3 * SEGMENT_BYTES + 100, 'coffre');
const sha256 = (bytes: Buffer) => Sha256.parse(createHash('sha256').update(bytes).digest('hex'));

t.test('a damaged segment has the same number whether all of the file is read or a part of it', async (t) => {
  const folder = t.testdir();
  const digests = [0, 1, 2, 3].map((at) => sha256(CONTENT.subarray(at * SEGMENT_BYTES, (at + 1) * SEGMENT_BYTES)));
  const list = encodeSegments(digests);
  const file = {
    ...{ file: 'x.enc', sha256: sha256(CONTENT), sealedBytes: CONTENT.length, plainBytes: 1 },
    segments: { file: 'x.enc.segments', sha256: sha256(list), segmentBytes: SEGMENT_BYTES },
  } as SealedFile;
  await writeFile(join(folder, file.segments.file), list);
  await writeFile(join(folder, file.file), CONTENT);
  const reader = folderReader(folder);
  t.equal((await collect(await readSegments(reader, file, 2, 2))).length, SEGMENT_BYTES + 100);
  const damaged = Buffer.from(CONTENT);
  damaged.write('X', 2 * SEGMENT_BYTES + 5);
  await writeFile(join(folder, file.file), damaged);
  const error = { code: 'verification-failed', message: 'cannot trust x.enc: segment 3 of 4 differs' };
  await t.rejects(readSealed(reader, file).then(collect), error);
  await t.rejects(readSegments(reader, file, 2, 2).then(collect), error);
  await t.rejects(readSegments(reader, file, 1, 2).then(collect), error);
});

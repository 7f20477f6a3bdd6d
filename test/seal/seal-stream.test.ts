import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { type ArchiveStream, asStage, type Bytes, type VerifiedStream } from '../../lib/model/stages.ts';
import { openStream } from '../../lib/seal/open-stream.ts';
import { Passphrase } from '../../lib/seal/passphrase.ts';
import { sealStream } from '../../lib/seal/seal-stream.ts';
import { run } from '../../lib/system/command.ts';
import { bytesOf, chunked, collect, collectUntilError } from '../bytes.ts';

const options = { iterations: 100 };
const passphrase = Passphrase.random();
const seal = (source: Bytes) => sealStream(asStage<ArchiveStream>(source), passphrase, options);
const open = (source: Bytes, key = passphrase) => openStream(asStage<VerifiedStream>(source), key, options);
const openssl = (folder: string, direction: '-d' | '-e', from: string, to: string) =>
  run('openssl', [
    ...['enc', direction, '-aes-256-cbc', '-md', 'sha256', '-pbkdf2', '-iter', '100'],
    ...['-pass', `file:${join(folder, 'key.txt')}`, '-in', join(folder, from), '-out', join(folder, to)],
  ]);

t.test('opens what it sealed, whatever the content and the chunks', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 200_000, size: 'max' }),
      fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 1, maxLength: 5 }),
      async (content, sizes) => {
        const sealed = await collect(seal(chunked(Buffer.from(content), sizes)));
        const opened = await collect(open(chunked(sealed, sizes)));
        return opened.equals(Buffer.from(content));
      },
    ),
    { numRuns: 60 },
  );
});

for (const size of [0, 1, 15, 16, 17, 1_000_003]) {
  t.test(`openssl opens ${size} bytes that were sealed here, and the other way round`, async (t) => {
    const folder = t.testdir();
    const content = randomBytes(size);
    writeFileSync(join(folder, 'key.txt'), `${passphrase.reveal()}\n`, { mode: 0o600 });
    writeFileSync(join(folder, 'plain'), content);
    writeFileSync(join(folder, 'ours'), await collect(seal(chunked(content, [50_000, 7]))));

    t.match(await openssl(folder, '-d', 'ours', 'opened'), { exitCode: 0, stderr: '' });
    t.ok(readFileSync(join(folder, 'opened')).equals(content));

    t.match(await openssl(folder, '-e', 'plain', 'theirs'), { exitCode: 0, stderr: '' });
    const theirs = readFileSync(join(folder, 'theirs'));
    t.ok((await collect(open(chunked(theirs, [9, 4096])))).equals(content));
  });
}

t.test('never seals the same bytes to the same ciphertext', async (t) => {
  const [first, second] = [await collect(seal(bytesOf('the same'))), await collect(seal(bytesOf('the same')))];
  t.notOk(first.equals(second));
});

t.test('says that the passphrase does not fit', async (t) => {
  const sealed = await collect(seal(bytesOf(randomBytes(1000))));
  for (let tries = 0; tries < 10; tries++) {
    const { error } = await collectUntilError(open(bytesOf(sealed), Passphrase.random()));
    // 1 wrong passphrase in 256 ends in a valid padding by chance; ten in a row of them do not
    if (error === undefined) continue;
    t.match(error, { code: 'private-key', hint: /key\.enc/ });
    return;
  }
  t.fail('ten wrong passphrases were taken');
});

t.test('refuses what is not in the form of openssl', async (t) => {
  for (const content of ['', 'Salted', 'Salted__1234567', 'salted__12345678abcdefgh']) {
    const { content: opened, error } = await collectUntilError(open(bytesOf(content)));
    t.match(error, { code: 'verification-failed' }, content);
    t.equal(opened.length, 0);
  }
});

t.test('passes the error of its source on', async (t) => {
  const source = async function* (): Bytes {
    yield Buffer.from('some');
    throw new Error('the dump broke');
  };
  await t.rejects(collect(seal(source())), { message: 'the dump broke' });
});

import { randomBytes } from 'node:crypto';
import { readFile, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { startThrowawaySshd } from '../../lib/host/throwaway-sshd.ts';
import { Arrivals } from '../../lib/storage/arrival.ts';
import { sha256Of } from '../../lib/system/files.ts';
import type { Sftp } from '../../lib/system/sftp.ts';
import { connectSsh } from '../../lib/system/ssh.ts';
import { Watermark } from '../../lib/system/watermark.ts';
import { temporaryFolder } from '../temporary.ts';

const MEBIBYTE = 1024 * 1024;
const { path: root, remove } = temporaryFolder();
const sshd = await startThrowawaySshd({ folder: join(root, 'sshd'), sftpOnly: true });
const identity = await readFile(sshd.identityPath);
const connection = await connectSsh({ ...sshd, identity, unreachable: 'offsite-unreachable' });
const sftp = await connection.sftp();
t.teardown(async () => {
  connection.close();
  await sshd.stop();
  remove();
});

const content = randomBytes(20 * MEBIBYTE);
const FACTS = { name: 'encrypted.dat', sizeBytes: content.length, sha256: sha256Of(content) };

/** Tells how far the file has been read back. */
function watched(reading: Watermark): Pick<Sftp, 'stat' | 'download'> {
  return {
    stat: (path) => sftp.stat(path),
    async *download(path, start = 0, bytes) {
      for await (const chunk of sftp.download(path, start, bytes)) yield chunk;
      reading.rise(start + (bytes ?? 0));
    },
  };
}

t.test('a server that only stores: what has arrived is read back while the rest is still to be sent', async (t) => {
  const reading = new Watermark();
  const path = join(root, 'followed');
  const { mark, compare } = await new Arrivals(connection, watched(reading), 'there', 'auto').begin(path);
  const source = async function* () {
    yield content.subarray(0, 17 * MEBIBYTE);
    yield content.subarray(17 * MEBIBYTE, 18 * MEBIBYTE);
    t.ok((await reading.reach(8 * MEBIBYTE)) >= 8 * MEBIBYTE, 'or this waits for ever');
    yield content.subarray(18 * MEBIBYTE);
  };
  const told: number[] = [];
  await sftp.upload(path, source(), (bytes) => {
    told.push(bytes);
    mark.rise(bytes);
  });
  mark.end();
  t.equal(await compare(FACTS), 'read back');
  t.equal(told.at(-1), content.length);
  t.same(
    told,
    [...told].sort((a, b) => a - b),
    'never back',
  );
});

t.test('what differs over there is found, whether it was read behind the upload or not', async (t) => {
  for (const manner of ['auto', 'read-back', 'size'] as const) {
    const path = join(root, `differs-${manner}`);
    const { mark, compare } = await new Arrivals(connection, sftp, 'there', manner).begin(path);
    const wrong = Buffer.from(content);
    wrong[12 * MEBIBYTE] = (wrong[12 * MEBIBYTE] ?? 0) ^ 1;
    await sftp.upload(path, [wrong] as never, (bytes) => mark.rise(bytes));
    mark.end();
    if (manner === 'size') t.equal(await compare(FACTS), 'size only');
    else await t.rejects(compare(FACTS), { code: 'verification-failed', message: /encrypted\.dat is not there/ });
    await truncate(path, 5);
    await t.rejects(compare(FACTS), { code: 'verification-failed' }, `${manner}, cut`);
  }
});

t.test('a server with commands hashes: with openssl, or else with sha256sum, and nothing is read back', async (t) => {
  const shell = await startThrowawaySshd({ folder: join(root, 'shell'), sftpOnly: false });
  const login = await readFile(shell.identityPath);
  const there = await connectSsh({ ...shell, identity: login, unreachable: 'offsite-unreachable' });
  t.teardown(async () => {
    there.close();
    await shell.stop();
  });
  const path = join(root, "there's a \\ in it");
  await sftp.upload(path, [content] as never, () => undefined);
  const unread: Pick<Sftp, 'stat' | 'download'> = {
    stat: (path) => sftp.stat(path),
    download: () => {
      throw new Error('it is read back');
    },
  };
  for (const [missing, hasher] of [
    [[], 'openssl'],
    [['openssl'], 'sha256sum'],
  ] as const) {
    const asked: string[] = [];
    const run: typeof there.run = async (words, options) => {
      const [program = ''] = words;
      if ((missing as readonly string[]).includes(program)) {
        return await there.run([`${program}-is-missing`, ...words.slice(1)], options);
      }
      asked.push(program);
      return await there.run(words, options);
    };
    const { compare } = await new Arrivals({ run }, unread, 'there', 'rehash').begin(path);
    t.equal(await compare(FACTS), 're-hashed remotely');
    await t.rejects(compare({ ...FACTS, sha256: sha256Of('other') }), { code: 'verification-failed' });
    t.same([...new Set(asked)], [hasher]);
  }
  const { compare } = await new Arrivals(connection, sftp, 'there', 'rehash').begin(path);
  await t.rejects(compare(FACTS), { code: 'offsite-unreachable', message: /neither openssl nor sha256sum/ });
});

t.test('an upload that fails ends its reader, too', async (t) => {
  const path = join(root, 'failed');
  const { mark, compare } = await new Arrivals(connection, sftp, 'there', 'auto').begin(path);
  await sftp.upload(path, [content] as never, (bytes) => mark.rise(bytes));
  mark.fail(new Error('the line was cut'));
  await t.rejects(compare(FACTS), { message: 'the line was cut' });
});

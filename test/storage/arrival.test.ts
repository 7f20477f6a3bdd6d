import { randomBytes } from 'node:crypto';
import { readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { startThrowawaySshd } from '../../lib/host/throwaway-sshd.ts';
import type { SftpOffsiteConfig } from '../../lib/model/offsite-config.ts';
import { Arrival, type Session } from '../../lib/storage/arrival.ts';
import { FarHashing } from '../../lib/storage/far-hashing.ts';
import type { Resumable } from '../../lib/storage/resumable.ts';
import { sha256Of } from '../../lib/system/files.ts';
import { connectSsh } from '../../lib/system/ssh.ts';
import { Watermark } from '../../lib/system/watermark.ts';
import { resumableOf, SEGMENT, watchedResumable } from '../fixture/resumable-of.ts';
import { hasLoginShell } from '../login-shell.ts';
import { temporaryFolder } from '../temporary.ts';

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

const content = randomBytes(SEGMENT * 20 - 5);
const facts = async () => ({ sizeBytes: content.length, sha256: sha256Of(content) });

function arrivalOf(path: string, from: Resumable, manner: SftpOffsiteConfig['verify'] = 'auto', isNew = true): Arrival {
  const hashing = new FarHashing(manner);
  return new Arrival({ name: 'encrypted.dat', path, where: 'there', content: from, manner, hashing, isNew });
}

t.test('a server that only stores: what has arrived is read back while the rest is still to be sent', async (t) => {
  const reading = new Watermark();
  const watched: Session['sftp'] = {
    ...sftp,
    async *download(path, start = 0, bytes) {
      for await (const chunk of sftp.download(path, start, bytes)) yield chunk;
      reading.rise(start + (bytes ?? 0));
    },
  };
  const source = async function* () {
    yield content.subarray(0, 17 * SEGMENT);
    t.ok((await reading.reach(8 * SEGMENT)) >= 8 * SEGMENT, 'or this waits for ever');
    yield content.subarray(17 * SEGMENT);
  };
  const arrival = arrivalOf(join(root, 'followed'), resumableOf(content, source));
  t.equal(await arrival.send({ connection, sftp: watched }, facts), 'read back');
  t.ok(arrival.progress() > content.length);
});

t.test('what differs over there is found, and what was cut off', async (t) => {
  for (const manner of ['auto', 'read-back', 'size'] as const) {
    const path = join(root, `differs-${manner}`);
    const wrong = Buffer.from(content);
    wrong[12 * SEGMENT] = (wrong[12 * SEGMENT] ?? 0) ^ 1;
    const damaged = { ...resumableOf(wrong), segments: resumableOf(content).segments };
    const sending = arrivalOf(path, damaged, manner).send({ connection, sftp }, facts);
    if (manner === 'size') t.equal(await sending, 'size only');
    else await t.rejects(sending, { code: 'verification-failed', message: /encrypted\.dat is not there/ });
    const cutting: Session['sftp'] = {
      ...sftp,
      async upload(...args) {
        const written = await sftp.upload(...args);
        await truncate(path, 5);
        return written;
      },
    };
    const cut = arrivalOf(path, resumableOf(content), manner, false).send({ connection, sftp: cutting }, facts);
    await t.rejects(cut, { code: 'verification-failed' }, `${manner}, cut`);
  }
});

t.test('a server with commands hashes: with openssl, or else with sha256sum, and nothing is read back', async (t) => {
  if (!hasLoginShell()) return;
  const shell = await startThrowawaySshd({ folder: join(root, 'shell'), sftpOnly: false });
  const login = await readFile(shell.identityPath);
  const there = await connectSsh({ ...shell, identity: login, unreachable: 'offsite-unreachable' });
  t.teardown(async () => {
    there.close();
    await shell.stop();
  });
  const path = join(root, "there's a \\ in it");
  const unread: Session['sftp'] = {
    ...sftp,
    download: (_, start) => {
      if (start === SEGMENT * 3) return sftp.download(path, start, 5); // the tail of what is gone on with
      throw new Error('it is read back');
    },
  };
  for (const [missing, hasher] of [
    [[], 'openssl'],
    [['openssl'], 'sha256sum'],
  ] as const) {
    const asked: string[] = [];
    const run: typeof there.run = async (words, options) => {
      const program = words[0] === 'sh' ? (words[8] ?? '') : (words[0] ?? '');
      if ((missing as readonly string[]).includes(program)) {
        return await there.run([`${program}-is-missing`, ...words.slice(1)], options);
      }
      asked.push(program);
      return await there.run(words, options);
    };
    await writeFile(path, content.subarray(0, SEGMENT * 3 + 5));
    const starts: number[] = [];
    const watched = watchedResumable(resumableOf(content), (start) => starts.push(start));
    const session = { connection: { run, isGone: async () => false }, sftp: unread };
    t.equal(await arrivalOf(path, watched, 'rehash', false).send(session, facts), 're-hashed remotely');
    t.same(starts, [SEGMENT * 3 + 5], 'it goes on with what the server has hashed');
    const other = async () => ({ sizeBytes: content.length, sha256: sha256Of('other') });
    const differs = arrivalOf(path, resumableOf(content), 'rehash', false).send(session, other);
    await t.rejects(differs, { code: 'verification-failed' });
    t.same([...new Set(asked)], [hasher]);
    t.ok(asked.length >= 4, 'segments and the whole');
  }
  await t.rejects(arrivalOf(path, resumableOf(content), 'rehash', false).send({ connection, sftp }, facts), {
    code: 'offsite-unreachable',
    message: /neither openssl nor sha256sum/,
  });
});

t.test('an upload that fails ends its reader, too', async (t) => {
  const source = async function* () {
    yield content.subarray(0, SEGMENT * 4);
    throw new Error('the line was cut');
  };
  const failed = arrivalOf(join(root, 'failed'), resumableOf(content, source)).send({ connection, sftp }, facts);
  await t.rejects(failed, { message: 'the line was cut' });
});

import { randomBytes } from 'node:crypto';
import type { Bytes } from '../model/stages.ts';
import type { Ground, Verdict } from './far-end-condition.ts';

const PROBE_BYTES = 4096;

/** Whether a run could be put there, and what else the server has for it. */
export const COULD_WRITE = { write: canWrite, offers };

async function canWrite({ sftp, name, path }: Ground): Promise<Verdict> {
  const content = randomBytes(PROBE_BYTES);
  const first = name('written');
  const second = name('renamed');
  await sftp.makeFolder(path);
  try {
    await sftp.upload(first, once(content));
    await sftp.rename(first, second);
    const back: Buffer[] = [];
    for await (const chunk of sftp.download(second)) back.push(Buffer.from(chunk));
    if (!Buffer.concat(back).equals(content))
      return { fault: 'what was read back is not what was written', detail: '' };
  } finally {
    await removeAll(sftp, [first, second]);
  }
  return { detail: path };
}

/** For information: nothing of it is a fault. */
async function offers({ sftp, touch, name, path }: Ground): Promise<Verdict> {
  const [first, second] = [name('first'), name('second')];
  try {
    for (const file of [first, second]) await sftp.upload(file, once(Buffer.from('x')));
    const flushes = await touch.flushes(first);
    const replaces = await touch.replaces(first, second);
    const free = await touch.freeBytes(path);
    const said = [
      flushes ? 'it flushes to the disk' : 'it cannot flush to the disk',
      replaces ? 'a rename can replace a file' : 'no rename replaces a file',
      free === undefined ? 'it does not tell its free space' : `${(free / 1e9).toFixed(1)} GB free`,
    ];
    return { detail: said.join(', ') };
  } finally {
    await removeAll(sftp, [first, second]);
  }
}

async function removeAll(sftp: Ground['sftp'], paths: readonly string[]): Promise<void> {
  for (const path of paths) if (await sftp.stat(path)) await sftp.removeFile(path);
}

async function* once(content: Buffer): Bytes {
  yield content;
}

import { randomBytes } from 'node:crypto';
import type { Bytes } from '../model/stages.ts';
import { statusOf } from '../system/sftp-extensions.ts';
import type { Ground, Verdict } from './far-end-condition.ts';

const PROBE_BYTES = 4096;
/** The one file of all checks of an account that can remove nothing. */
export const KEPT_PROBE = 'coffre-check';

/** Whether a run could be put there, and what else the server has for it. */
export const COULD_WRITE = { write: canWrite, offers };

async function canWrite(ground: Ground): Promise<Verdict> {
  if (ground.appendOnly) return await canAppend(ground);
  const { sftp, name, path } = ground;
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

const APPEND_ONLY = {
  says: 'a file is written and read back, and can be neither renamed nor removed',
  hint: 'sshd_config, in the Match block: ForceCommand internal-sftp -P rename,posix-rename,remove,rmdir,setstat,fsetstat',
};

/** One file for all checks: nothing can be removed where all is well. */
async function canAppend({ sftp, path }: Ground): Promise<Verdict> {
  const content = randomBytes(PROBE_BYTES);
  const file = `${path}/${KEPT_PROBE}`;
  await sftp.makeFolder(path);
  await sftp.upload(file, once(content), { from: 0 });
  const back: Buffer[] = [];
  for await (const chunk of sftp.download(file)) back.push(Buffer.from(chunk));
  const faults = Buffer.concat(back).equals(content) ? [] : ['what was read back is not what was written'];
  const isDone = (act: Promise<void>) =>
    act.then(
      () => true,
      (error: unknown) => {
        if (statusOf(error) === undefined) throw error;
        return false;
      },
    );
  const other = `${file}-renamed`;
  if (await isDone(sftp.rename(file, other))) faults.push('it can rename');
  for (const each of [file, other]) {
    if ((await sftp.stat(each)) && (await isDone(sftp.removeFile(each)))) faults.push('it can remove');
  }
  return { ...APPEND_ONLY, ...told(faults, path) };
}

function told(faults: readonly string[], detail: string): Verdict {
  return faults.length === 0 ? { detail } : { fault: faults.join(', '), detail: '' };
}

/** For information: nothing of it is a fault. */
async function offers({ sftp, touch, name, path, appendOnly }: Ground): Promise<Verdict> {
  if (appendOnly) {
    const flushes = await touch.flushes(`${path}/${KEPT_PROBE}`);
    return { detail: [flushing(flushes), freeing(await touch.freeBytes(path))].join(', ') };
  }
  const [first, second] = [name('first'), name('second')];
  try {
    for (const file of [first, second]) await sftp.upload(file, once(Buffer.from('x')));
    const flushes = await touch.flushes(first);
    const replaces = await touch.replaces(first, second);
    const free = await touch.freeBytes(path);
    const said = [
      flushing(flushes),
      replaces ? 'a rename can replace a file' : 'no rename replaces a file',
      freeing(free),
    ];
    return { detail: said.join(', ') };
  } finally {
    await removeAll(sftp, [first, second]);
  }
}

const flushing = (flushes: boolean) => (flushes ? 'it flushes to the disk' : 'it cannot flush to the disk');
const freeing = (free: number | undefined) =>
  free === undefined ? 'it does not tell its free space' : `${(free / 1e9).toFixed(1)} GB free`;

async function removeAll(sftp: Ground['sftp'], paths: readonly string[]): Promise<void> {
  for (const path of paths) if (await sftp.stat(path)) await sftp.removeFile(path);
}

export async function* once(content: Buffer): Bytes {
  yield content;
}

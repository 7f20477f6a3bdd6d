import { CoffreError } from '../model/error.ts';
import { formatBytes } from '../model/format-bytes.ts';
import type { Sftp } from '../system/sftp.ts';
import { Arrival } from './arrival.ts';
import type { FarHashing } from './far-hashing.ts';
import type { RunUpload } from './offsite.ts';
import { type Resumable, resumableBuffer } from './resumable.ts';
import { assertFileName } from './run-names.ts';
import type { SftpPlace } from './sftp-place.ts';

interface Folder extends Omit<SftpPlace, 'root'> {
  /** Where the files go. It is there. */
  readonly folder: string;
  /** What an earlier try has left in it. */
  readonly left: ReadonlySet<string>;
  readonly hashing: FarHashing;
}

/** The files of one upload. What was left of an earlier one is gone on with where it is the same, and goes where it is not asked for. */
export interface SftpFiles {
  readonly put: RunUpload['put'];
  /** Takes away what an earlier try has left and this one did not put. */
  removeStrays(): Promise<void>;
}

export function sftpFiles({ link, folder, left, where, manner, hashing, weaknesses }: Folder): SftpFiles {
  const put = new Set<string>();
  return {
    async put(name, content, facts) {
      assertFileName(name);
      put.add(name);
      const path = `${folder}/${name}`;
      const whole = Buffer.isBuffer(content) ? resumableBuffer(content, (await facts()).sha256) : content;
      const arrival = new Arrival({ name, path, where, content: whole, manner, hashing, isNew: !left.has(name) });
      return await link.persist(
        async (session) => {
          await assertRoom(session.sftp, path, whole, where);
          const verification = await arrival.send(session, facts);
          if (!session.sftp.flushes()) weaknesses.add(`${where} ${UNFLUSHED}`);
          return verification;
        },
        () => arrival.progress(),
      );
    },
    async removeStrays() {
      for (const name of left) {
        if (!put.has(name)) await link.persist(({ sftp }) => removeEntry(sftp, `${folder}/${name}`));
      }
    },
  };
}

async function removeEntry(sftp: Sftp, path: string): Promise<void> {
  const there = await sftp.stat(path);
  if (there?.kind === 'folder') await sftp.removeFolder(path);
  else if (there) await sftp.removeFile(path);
}

const UNFLUSHED =
  'cannot be asked to flush a file to its disk: what has arrived may be lost should its power fail in the next minute';

/** What is too small to ask for. */
const SMALL_BYTES = 1024 * 1024;

/** A quota and a full disk are told before hours have gone into an upload, where the server says what is left. */
async function assertRoom(sftp: Sftp, path: string, { sizeBytes }: Resumable, where: string): Promise<void> {
  if (sizeBytes === null || sizeBytes < SMALL_BYTES) return;
  const folder = path.slice(0, path.lastIndexOf('/'));
  const free = await sftp.freeBytes(folder);
  if (free === undefined || free >= sizeBytes) return;
  const missing = sizeBytes - ((await sftp.stat(path))?.sizeBytes ?? 0);
  if (free >= missing) return;
  const name = path.slice(folder.length + 1);
  throw new CoffreError(
    'no-space',
    `cannot send ${name} to ${where}: ${formatBytes(missing)} are missing there, and ${formatBytes(free)} free`,
    { hint: 'have room made there, or the quota raised; what is owed is sent by the next run' },
  );
}

import { CoffreError } from '../model/error.ts';
import type { Sftp } from '../system/sftp.ts';
import { assertFileName, isFileName } from './run-names.ts';
import type { RunReader } from './run-reader.ts';
import type { SftpLink } from './sftp-link.ts';

/** Reads the folder of one run over SFTP; goes on where a lost connection has cut it off. */
export function sftpReader(link: SftpLink, folder: string, where: string): RunReader {
  const sizeOf = (name: string) => link.persist(({ sftp }) => sizeOfFile(sftp, `${folder}/${name}`, where));
  return {
    where: `${where}, ${folder}`,
    list: async () => {
      const entries = await link.persist(({ sftp }) => sftp.list(folder));
      return entries
        .map(({ name }) => name)
        .filter(isFileName)
        .sort();
    },
    async sizeOf(name) {
      assertFileName(name);
      return await sizeOf(name);
    },
    async *read(name, start = 0, bytes = Number.POSITIVE_INFINITY) {
      assertFileName(name);
      await sizeOf(name);
      const end = start + bytes;
      yield* link.read(start, ({ sftp }, at) => sftp.download(`${folder}/${name}`, at, end - at));
    },
  };
}

/** undefined when there is none. A pipe or a device over there would keep its reader waiting for ever: never opened. */
async function sizeOfFile(sftp: Sftp, path: string, where: string): Promise<number | undefined> {
  const found = await sftp.statTarget(path);
  if (found === undefined || found.kind === 'file') return found?.sizeBytes;
  throw new CoffreError('verification-failed', `cannot read ${path} of ${where}: it is not a regular file`, {
    hint: 'take another copy of the run',
  });
}

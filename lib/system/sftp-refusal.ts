import { CoffreError } from '../model/error.ts';

const NO_SUCH_FILE = 2;
const STATUS: Readonly<Record<number, string>> = {
  1: 'the end of the file',
  3: 'permission denied',
  4: 'the server says only "failure": no space, a quota, or a name that is taken',
  8: 'the server does not support this',
};

/**
 * What a server answers instead of doing `what`, as one of our errors: `not-found` for what is not there, else a sentence with
 * its status. An error without a status is the connection's: `failed` says what that is.
 */
export function sftpRefusal(what: string, error: Error & { code?: unknown }, failed: (error: unknown) => Error): Error {
  if (typeof error.code !== 'number') return failed(error);
  if (error.code === NO_SUCH_FILE) {
    return new CoffreError('not-found', `cannot ${what} over SFTP: there is no such file or folder`, {
      hint: 'look at the path of the offsite in inventory/hosts',
      cause: error,
    });
  }
  const why = STATUS[error.code] ?? `SFTP status ${error.code}`;
  const underlying = failed(error);
  return new CoffreError(
    underlying instanceof CoffreError ? underlying.code : 'unexpected',
    `cannot ${what} over SFTP: ${why}`,
    {
      hint: 'look at the rights and the free space of the folder on the server',
      cause: error,
    },
  );
}

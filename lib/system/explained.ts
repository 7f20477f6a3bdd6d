import { dirname } from 'node:path';
import { CoffreError, errnoOf } from '../model/error.ts';

/** The folder of a file; of one in an unfinished run that which outlives the run. */
function lastingFolder(path: string): string {
  return dirname(path).replace(/\/\.[^/]+\.partial$/, '');
}

/** A system error as a sentence with a hint. Errors that are ours already pass unchanged. */
export function explained(verb: string, path: string, error: unknown): unknown {
  const errno = errnoOf(error);
  if (error instanceof CoffreError || errno === undefined) return error;
  const say = (code: 'no-space' | 'write-failed' | 'store-unreachable' | 'not-found', why: string, hint: string) =>
    new CoffreError(code, `cannot ${verb} ${path}: ${why}`, { hint, cause: error });
  switch (errno) {
    case 'ENOSPC':
    case 'EDQUOT':
    case 'EFBIG':
      return say('no-space', 'there is no space left', `free space, or raise the limit: df -h ${lastingFolder(path)}`);
    case 'EROFS':
      return say('write-failed', 'the file system is read-only', `look at: findmnt -T ${dirname(path)}; dmesg | tail`);
    case 'EACCES':
    case 'EPERM':
      return say('write-failed', 'permission denied', `look at: ls -ld ${dirname(path)}`);
    case 'ENOTCONN':
    case 'EIO':
    case 'ESTALE':
    case 'ETIMEDOUT':
      return say(
        'store-unreachable',
        `the file system does not answer (${errno})`,
        'look at: gluster volume status; dmesg | tail',
      );
    case 'EISDIR':
      return say('not-found', 'it is a folder', 'give the path of a file');
    case 'ENOTDIR':
      return say('not-found', 'a part of the path is not a folder', `look at: ls -ld ${dirname(path)}`);
    case 'ENOENT':
      return say('not-found', 'there is no such file or folder', `look at: ls -la ${dirname(path)}`);
    default:
      return say('write-failed', errno, `look at: ls -la ${dirname(path)}`);
  }
}

import { CoffreError, errnoOf, outOfResources } from '../model/error.ts';
import { describeErrno } from './errno.ts';
import { glusterVolumeAt } from './mounts.ts';

/** A system error as a sentence with a hint, in the words of the volume that the path is on. Errors that are ours already pass unchanged. */
export function explained(verb: string, path: string, error: unknown): unknown {
  const errno = errnoOf(error);
  if (error instanceof CoffreError || errno === undefined) return error;
  const ranOut = errno === 'EAGAIN' ? undefined : outOfResources(`${verb} ${path}`, errno, error);
  if (ranOut) return ranOut;
  const { code, why, hint } = describeErrno(errno, path, glusterVolumeAt(path));
  return new CoffreError(code, `cannot ${verb} ${path}: ${why}`, { hint, cause: error });
}

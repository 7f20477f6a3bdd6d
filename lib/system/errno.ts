import { dirname } from 'node:path';
import type { ErrorCode } from '../model/error.ts';

export interface FileFailure {
  readonly code: Extract<ErrorCode, 'no-space' | 'write-failed' | 'disk-failed' | 'store-unreachable' | 'not-found'>;
  /** The end of "cannot VERB PATH: …". */
  readonly why: string;
  readonly hint: string;
}

/** A GlusterFS volume by its name, and where it is mounted. */
export interface GlusterVolume {
  readonly volume: string;
  readonly mount: string;
}

/**
 * What a file system means by an errno, and the command that mends it. A GlusterFS volume means other things by some of them
 * than a disk does: without quorum it gives ENOTCONN, and for a file in split-brain EIO.
 */
export function describeErrno(errno: string, path: string, gluster: GlusterVolume | undefined): FileFailure {
  const fail = (code: FileFailure['code'], why: string, hint: string): FileFailure => ({ code, why, hint });
  const unreachable = (why: string, hint: string) => fail('store-unreachable', `${why} (${errno})`, hint);
  if (gluster) {
    const found = describeOfGluster(errno, path, gluster);
    if (found) return found;
  }
  switch (errno) {
    case 'ENOSPC':
    case 'EFBIG':
      return fail('no-space', NO_SPACE, freeSome(path));
    case 'EDQUOT':
      return fail(
        'no-space',
        'the quota is used up',
        `free space, or raise the quota: quota -v; df -h ${lasting(path)}`,
      );
    case 'EROFS':
      return fail('write-failed', 'the file system is read-only', `look at: findmnt -T ${dirname(path)}; dmesg | tail`);
    case 'EACCES':
    case 'EPERM':
      return fail('write-failed', 'permission denied', `look at: ls -ld ${dirname(path)}`);
    case 'EIO':
      return fail(
        'disk-failed',
        'the disk gives an input/output error (EIO)',
        `look at: dmesg | tail; findmnt -T ${lasting(path)}; smartctl -a on that disk`,
      );
    case 'ENOTCONN':
    case 'ECONNABORTED':
    case 'ESTALE':
    case 'ETIMEDOUT':
    case 'EHOSTDOWN':
      return unreachable('the file system does not answer', `look at: findmnt -T ${lasting(path)}; dmesg | tail`);
    case 'EISDIR':
      return fail('not-found', 'it is a folder', 'give the path of a file');
    case 'ENOTDIR':
      return fail('not-found', 'a part of the path is not a folder', `look at: ls -ld ${dirname(path)}`);
    case 'ENOENT':
      return fail('not-found', 'there is no such file or folder', `look at: ls -la ${dirname(path)}`);
    default:
      return fail('write-failed', errno, `look at: ls -la ${dirname(path)}`);
  }
}

function describeOfGluster(errno: string, path: string, { volume, mount }: GlusterVolume): FileFailure | undefined {
  const again = `mount it again: umount -l ${mount}; mount ${mount}`;
  switch (errno) {
    case 'ENOTCONN':
    case 'ECONNABORTED':
    case 'ETIMEDOUT':
    case 'EHOSTDOWN':
      return {
        code: 'store-unreachable',
        why: `the volume ${volume} does not answer: too few of its bricks do, or its client has ended (${errno})`,
        hint: `look at: gluster volume status ${volume}; where all bricks are online, ${again}`,
      };
    case 'EIO':
      return {
        code: 'store-unreachable',
        why: `the volume ${volume} gives an input/output error: a file in split-brain, or the disk of a brick (${errno})`,
        hint: `look at: gluster volume heal ${volume} info split-brain; on each brick: dmesg | tail`,
      };
    case 'ESTALE':
      return {
        code: 'store-unreachable',
        why: `the volume ${volume} has another file in its place by now (${errno})`,
        hint: `look at: gluster volume heal ${volume} info; then ${again}`,
      };
    case 'EROFS':
      return {
        code: 'write-failed',
        why: `the volume ${volume} is read-only`,
        hint: `look at: gluster volume get ${volume} features.read-only; findmnt ${mount}; gluster volume status ${volume}`,
      };
    case 'ENOSPC':
      return {
        code: 'no-space',
        why: NO_SPACE,
        hint: `${freeSome(path)}; of each brick: gluster volume status ${volume} detail`,
      };
    case 'EDQUOT':
      return {
        code: 'no-space',
        why: `the quota of the volume ${volume} is used up`,
        hint: `free space, or raise the quota: gluster volume quota ${volume} list`,
      };
    default:
      return undefined;
  }
}

const NO_SPACE = 'there is no space left';

function freeSome(path: string): string {
  return `free space, or raise the limit: df -h ${lasting(path)}`;
}

/** The folder of a file; of one in an unfinished run that which outlives the run. */
function lasting(path: string): string {
  return dirname(path).replace(/\/\.[^/]+\.partial$/, '');
}

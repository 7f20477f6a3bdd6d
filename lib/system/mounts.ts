import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

/** One line of /proc/self/mountinfo. */
export interface Mount {
  readonly path: string;
  /** `major:minor`, as stat(2) has it of what is on it. */
  readonly device: string;
  /** Such as `ext4` or `fuse.glusterfs`. */
  readonly type: string;
  readonly source: string;
  readonly readOnly: boolean;
}

const MOUNTINFO = '/proc/self/mountinfo';

export function readMountinfo(): Promise<string> {
  return readFile(MOUNTINFO, 'utf8');
}

/**
 * The GlusterFS volume that a path is on, for a sentence about its failure: by the words of the path alone, because what has
 * failed is not asked again. undefined where it is on none, or nobody can tell.
 */
export function glusterVolumeAt(path: string): { readonly volume: string; readonly mount: string } | undefined {
  try {
    const mount = mountOf(parseMounts(readFileSync(MOUNTINFO, 'utf8')), path);
    // As in `db1:/data`, `db1,db2:data` and, for a folder of the volume, `db1:/data/backups`.
    const volume = mount?.type === 'fuse.glusterfs' ? /:\/?([^/]+)/.exec(mount.source)?.[1] : undefined;
    return mount && volume !== undefined ? { volume, mount: mount.path } : undefined;
  } catch {
    return undefined; // without /proc there is no such volume either
  }
}

/**
 * The mounts of a text in the form of /proc/self/mountinfo, in its order. Spaces, tabs, newlines and backslashes of
 * a path are octal there. Lines of another form are left out. Source: proc(5).
 */
export function parseMounts(text: string): readonly Mount[] {
  return text.split('\n').flatMap((line) => {
    const fields = line.split(' ');
    const separator = fields.indexOf('-', 6);
    const [device = '', path, options] = [fields[2], fields[4], fields[5]];
    const [type, source, superOptions] = fields.slice(separator + 1);
    if (separator < 0 || path === undefined || options === undefined || type === undefined) return [];
    const readOnly = [options, superOptions ?? ''].some((list) => list.split(',').includes('ro'));
    return [{ path: unescapeOctal(path), device, type, source: unescapeOctal(source ?? ''), readOnly }];
  });
}

/** The mount that an absolute path without links is on: the deepest, and of several on one point the last. */
export function mountOf(mounts: readonly Mount[], path: string): Mount | undefined {
  const covers = (mount: Mount) => mount.path === '/' || mount.path === path || path.startsWith(`${mount.path}/`);
  return mounts.filter(covers).reduce<Mount | undefined>((best, mount) => {
    return best === undefined || mount.path.length >= best.path.length ? mount : best;
  }, undefined);
}

function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

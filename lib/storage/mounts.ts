/** One line of /proc/self/mountinfo. */
export interface Mount {
  readonly path: string;
  /** Such as `ext4` or `fuse.glusterfs`. */
  readonly type: string;
  readonly source: string;
  readonly readOnly: boolean;
}

/**
 * The mounts of a text in the form of /proc/self/mountinfo, in its order. Spaces, tabs, newlines and backslashes of
 * a path are octal there. Lines of another form are left out. Source: proc(5).
 */
export function parseMounts(text: string): readonly Mount[] {
  return text.split('\n').flatMap((line) => {
    const fields = line.split(' ');
    const separator = fields.indexOf('-', 6);
    const [path, options] = [fields[4], fields[5]];
    const [type, source, superOptions] = fields.slice(separator + 1);
    if (separator < 0 || path === undefined || options === undefined || type === undefined) return [];
    const readOnly = [options, superOptions ?? ''].some((list) => list.split(',').includes('ro'));
    return [{ path: unescapeOctal(path), type, source: unescapeOctal(source ?? ''), readOnly }];
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

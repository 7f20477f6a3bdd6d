import { readFile } from 'node:fs/promises';
import { pathsOf } from '../lab-plan.ts';
import type { Role } from './role.ts';

/** git@HOST:backup-audit.git, a bare repository without a commit, for control's key and with Git's own shell. */
export const git: Role = {
  async install(inside) {
    const authorized = await readFile(`${pathsOf(inside.plan.folder).identity()}.pub`, 'utf8');
    await inside.must(['useradd', '--create-home', '--home-dir', '/srv/git', '--shell', '/usr/bin/git-shell', 'git']);
    await inside.write('/srv/git/.ssh/authorized_keys', authorized, '600');
    await inside.must(['git', 'init', '-q', '--bare', '--initial-branch=main', '/srv/git/backup-audit.git']);
    await inside.must(['chown', '-R', 'git:git', '/srv/git']);
  },
};

import { readFile } from 'node:fs/promises';
import { CUSTOMERS, pathsOf } from '../lab-plan.ts';
import type { Role } from './role.ts';

const LIMITS = `
Match User ${CUSTOMERS.join(',')}
  ChrootDirectory /srv/sftp/%u
  ForceCommand internal-sftp
  AuthorizedKeysFile /etc/ssh/customers/%u
  DisableForwarding yes
  PermitTTY no
`;

/** SFTP and nothing else, each customer in a folder that belongs to root, with the writable /backups below. */
export const contractor: Role = {
  async install(inside) {
    for (const user of CUSTOMERS) {
      const folder = `/srv/sftp/${user}`;
      await inside.must(['useradd', '--no-create-home', '--home-dir', '/', '--shell', '/usr/sbin/nologin', user]);
      await inside.must(['install', '-d', '-m', '755', '/srv/sftp', folder, '/etc/ssh/customers']);
      await inside.must(['install', '-d', '-o', user, '-g', user, '-m', '700', `${folder}/backups`]);
      const authorized = await readFile(`${pathsOf(inside.plan.folder).identity(user)}.pub`, 'utf8');
      await inside.write(`/etc/ssh/customers/${user}`, authorized);
    }
    await inside.must(['sh', '-c', 'cat >>/etc/ssh/sshd_config'], { input: LIMITS });
  },
};

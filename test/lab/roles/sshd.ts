import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { pathsOf } from '../lab-plan.ts';
import { type Role, until } from './role.ts';

/** What every host has: sshd, and the operators that its description names. */
export const sshd: Role = {
  async install(inside) {
    const { operators = [] } = inside.host.spec;
    const authorized = await readFile(`${pathsOf(inside.plan.folder).identity()}.pub`, 'utf8');
    for (const { name, sudo } of operators) {
      await inside.must(['useradd', '--create-home', '--shell', '/bin/sh', name]);
      await inside.write(`/home/${name}/.ssh/authorized_keys`, authorized);
      await inside.must(['chown', '-R', `${name}:`, `/home/${name}`]);
      if (sudo === 'none') continue;
      const tag = sudo === 'without-password' ? 'NOPASSWD: ' : '';
      await inside.write(`/etc/sudoers.d/${name}`, `${name} ALL=(ALL:ALL) ${tag}ALL\n`, '440');
    }
  },
  async start(inside) {
    await inside.must(['sh', '-c', 'mkdir -p /run/sshd && rm -f /run/nologin && exec /usr/sbin/sshd']);
    await until(`sshd of ${inside.host.name} answers`, () => greets(inside.host.address));
  },
};

function greets(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(22, address);
    const settle = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(1000, () => settle(false));
    socket.once('error', () => settle(false)).once('close', () => settle(false));
    socket.once('data', (greeting) => settle(greeting.toString('latin1').startsWith('SSH-2.0')));
  });
}

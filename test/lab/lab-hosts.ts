import { randomBytes } from 'node:crypto';
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CoffreError } from '../../lib/model/error.ts';
import { run } from '../../lib/system/command.ts';
import { readIfPresent, readRequired } from '../../lib/system/files.ts';
import { requireProgram } from '../../lib/system/programs.ts';
import { hidePrograms } from './hide-machine.ts';
import { CUSTOMERS, type LabHost, type LabHostSpec, pathsOf } from './lab-plan.ts';

/** Debian's own configuration, but for what makes logins slow or stops twenty of them at a time. */
const SSHD = `Include /etc/ssh/sshd_config.d/*.conf
HostKey /etc/ssh/ssh_host_ed25519_key
KbdInteractiveAuthentication no
PasswordAuthentication no
UsePAM yes
UseDNS no
X11Forwarding yes
PrintMotd no
MaxStartups 100:30:200
AcceptEnv LANG LC_*
Subsystem sftp /usr/lib/openssh/sftp-server
`;

/** Control's keys: one for root, operators and Git, and one for each customer of the contractor. */
export async function makeControl(folder: string): Promise<void> {
  const paths = pathsOf(folder);
  await mkdir(paths.control, { recursive: true, mode: 0o700 });
  await Promise.all(['root', ...CUSTOMERS].map((user) => makeKey(paths.identity(user), `${user}@control`)));
}

/** The overlay of a host before its first boot: the template's upper layer, and what is this host's alone. */
export async function prepareHost(
  folder: string,
  spec: LabHostSpec,
  number: number,
  address: string,
): Promise<LabHost> {
  const paths = pathsOf(folder);
  const upper = paths.upper(spec.name);
  await mkdir(paths.disk(spec.name), { recursive: true });
  await copyTree(paths.upper('template'), upper);
  const etc = (name: string) => join(upper, 'etc', name);
  const hostKey = await makeKey(etc('ssh/ssh_host_ed25519_key'), `root@${spec.name}`);
  await place(etc('hostname'), `${spec.name}\n`);
  await place(etc('machine-id'), `${randomBytes(16).toString('hex')}\n`, 0o444);
  await place(etc('ssh/sshd_config'), SSHD);
  await mkdir(join(upper, 'root/.ssh'), { mode: 0o700 });
  const authorized = await readFile(`${paths.identity()}.pub`, 'utf8');
  await place(join(upper, 'root/.ssh/authorized_keys'), authorized, 0o600);
  if (spec.without) await hidePrograms(upper, spec.without);
  if (spec.without?.includes('bash')) await withoutBash(etc('passwd'));
  if (spec.node !== undefined) await copyFile(join(spec.node, 'node'), join(upper, 'usr/local/bin/node'));
  if (spec.roles?.includes('database')) {
    await copyTree(join(paths.disk('template'), 'mysql'), join(upper, 'var/lib/mysql'));
  }
  return { name: spec.name, address, port: 22, user: 'root', hostKey, spec, number };
}

/** Who is who, for every host of the lab and for control. */
export async function writeHostsFile(folder: string, hosts: readonly LabHost[], controlAddress: string): Promise<void> {
  const lines = [
    '127.0.0.1 localhost',
    `${controlAddress} control`,
    ...hosts.map((one) => `${one.address} ${one.name}`),
  ];
  for (const { name } of hosts) await place(join(pathsOf(folder).upper(name), 'etc/hosts'), `${lines.join('\n')}\n`);
}

/** sshd lets nobody in whose shell is not there. */
async function withoutBash(passwd: string): Promise<void> {
  const text = ((await readIfPresent(passwd)) ?? (await readRequired('/etc/passwd'))).toString('utf8');
  await place(passwd, text.replaceAll(/\/bash$/gm, '/sh'));
}

/** Over a whiteout, too, which is a device that nobody can open. */
async function place(path: string, content: string, mode = 0o644): Promise<void> {
  await rm(path, { force: true });
  await writeFile(path, content, { mode });
}

/** With modes, owners, whiteouts and the overlay's own attributes. */
async function copyTree(from: string, to: string): Promise<void> {
  const { exitCode, stderr } = await run(requireProgram('cp'), ['-a', '--reflink=auto', from, to]);
  if (exitCode !== 0) throw new CoffreError('unexpected', `cannot copy ${from}: ${stderr.trim()}`);
}

/** Returns the public half, type and base64. */
async function makeKey(path: string, comment: string): Promise<string> {
  await rm(path, { force: true });
  await rm(`${path}.pub`, { force: true });
  const made = await run(requireProgram('ssh-keygen'), ['-q', '-t', 'ed25519', '-N', '', '-C', comment, '-f', path]);
  if (made.exitCode !== 0)
    throw new CoffreError('unexpected', `cannot make the SSH key ${path}: ${made.stderr.trim()}`);
  return (await readFile(`${path}.pub`, 'utf8')).trim().split(' ').slice(0, 2).join(' ');
}

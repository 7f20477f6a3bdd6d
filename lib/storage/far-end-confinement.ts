import { randomBytes } from 'node:crypto';
import { posix } from 'node:path';
import { statusOf } from '../system/sftp-extensions.ts';
import type { Ground, Verdict } from './far-end-condition.ts';
import { KEPT_PROBE, once } from './far-end-writing.ts';

/** Whether the account is kept where it belongs. */
export const CONFINEMENT = {
  command: runsNothing,
  folder: staysInside,
  forward: forwardsNothing,
  others: seesNobody,
  closed: isClosed,
  keys: keepsItsKeys,
};

/** What every system has outside a chroot, and no folder of backups needs. */
const OUTSIDE = ['/etc/passwd', '/etc/os-release', '/etc/ssh/sshd_config', '/proc/version'];
/** What stands in a chroot and belongs to no other: its keys, and what its administrator needs for programs and logs. */
const SKELETON = new Set(['.ssh', 'dev', 'etc', 'bin', 'lib', 'lib64', 'usr']);
const SOCKETS = [
  '/run/dbus/system_bus_socket',
  '/run/systemd/journal/stdout',
  '/run/systemd/private',
  '/var/run/docker.sock',
];
const SUBSYSTEMS = ['netconf', 'publickey', 'shell'];
const SMTP = 25;
const MOST_LOOKED_AT = 64;

/** SSH_FXP_INIT of version 3 and the type of its answer: what is SFTP under another name is no way out. */
const SFTP_INIT = Buffer.from([0, 0, 0, 5, 1, 0, 0, 0, 3]);
const SFTP_VERSION = 2;

/** A word that is printed only when somebody put its halves together: a terminal's echo does not. */
async function runsNothing({ ssh }: Ground): Promise<Verdict> {
  const [left, right] = [randomBytes(6).toString('hex'), randomBytes(6).toString('hex')];
  const line = `printf %s%s ${left} ${right}`;
  const faults: string[] = [];
  if (await ssh.commandPrints(line, left + right)) faults.push('it runs commands');
  if (await ssh.shellPrints(line, left + right)) faults.push('it gives a shell');
  if (await ssh.terminal()) faults.push('it gives a terminal');
  for (const name of SUBSYSTEMS) {
    const said = await ssh.subsystem(name, SFTP_INIT);
    if (said !== undefined && said[4] !== SFTP_VERSION) faults.push(`it offers the subsystem ${name}`);
  }
  return told(faults, 'only SFTP');
}

async function staysInside(ground: Ground): Promise<Verdict> {
  const faults: string[] = [];
  const outside = await firstReadable(ground, OUTSIDE);
  if (outside !== undefined) faults.push(`it can open ${outside}`);
  const up = '../'.repeat(32);
  const above = await firstReadable(ground, [`${ground.path}/${up}etc/passwd`, `${up}etc/passwd`]);
  if (above !== undefined && outside === undefined) faults.push('it can climb out with ..');
  for (const target of ['/etc/passwd', `${up}etc/passwd`]) {
    const link = ground.name('link');
    try {
      const made = await ground.touch.link(target, link);
      if (made && outside === undefined && (await ground.touch.canRead(link)))
        faults.push('it can read through a link');
    } finally {
      if (await ground.sftp.stat(link)) await clear(ground, link);
    }
  }
  return told(faults, 'nothing outside can be opened');
}

async function firstReadable({ touch }: Ground, paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) if (await touch.canRead(path)) return path;
  return undefined;
}

async function forwardsNothing(ground: Ground): Promise<Verdict> {
  const { ssh, sftp, port } = ground;
  const faults: string[] = [];
  for (const to of [port, SMTP]) {
    if (await ssh.forwardsTo('127.0.0.1', to)) faults.push(`it connects to its own port ${to}`);
  }
  if (await ssh.forwardsBack()) faults.push('it listens on a port');
  for (const socket of SOCKETS) {
    if (await ssh.forwardsToSocket(socket)) faults.push(`it connects to its own socket ${socket}`);
  }
  const socket = ground.name('socket');
  try {
    if (await ssh.forwardsBackSocket(socket)) faults.push('it listens on a socket');
  } finally {
    if (await sftp.stat(socket)) await clear(ground, socket);
  }
  return told(faults, 'everything is refused');
}

/** Whatever stands beside the way from the root to the folder of the runs, and what the inventory has of others. */
async function seesNobody(ground: Ground): Promise<Verdict> {
  const { touch, sftp, path } = ground;
  const own = posix.resolve('/', path);
  const named = ground.others.map((other) => posix.resolve('/', other));
  const seen = new Set<string>();
  for (const other of named.filter((each) => !isInside(each, own) && !isInside(own, each))) {
    if (await touch.canList(other)) seen.add(other);
  }
  // Without a chroot the whole system lies beside the way, which is another condition.
  const free = (await firstReadable(ground, OUTSIDE)) !== undefined;
  let left = MOST_LOOKED_AT;
  for (let child = own; child !== '/'; child = posix.dirname(child)) {
    const parent = posix.dirname(child);
    if (free && child !== own) break;
    const entries = await sftp.list(parent).catch(() => []);
    for (const { name, kind } of entries) {
      const each = posix.join(parent, name);
      if (each === child || (parent === '/' && SKELETON.has(name)) || left-- <= 0) continue;
      if (kind === 'folder' ? await touch.canList(each) : kind === 'file' && (await touch.canRead(each)))
        seen.add(each);
    }
  }
  return told(seen.size === 0 ? [] : [`it can read ${[...seen].sort().slice(0, 5).join(', ')}`], 'nothing beside it');
}

const READABLE_BY_ANYBODY = 0o005;
const MODE_OF_UPLOADS = 0o600;

/** By the modes that the server tells, where a file that was made for its owner alone shows that they mean something. */
async function isClosed({ sftp, touch, path, name, appendOnly }: Ground): Promise<Verdict> {
  const file = appendOnly ? `${path}/${KEPT_PROBE}` : name('mode');
  try {
    if (!appendOnly) await sftp.upload(file, once(Buffer.from('x')));
    if ((await touch.modeOf(file)) !== MODE_OF_UPLOADS) return { detail: 'the server keeps no modes that would tell' };
    const mode = (await touch.modeOf(path)) ?? 0;
    const fault = `its mode is ${mode.toString(8).padStart(4, '0')}: every account of that server can read what is there`;
    return told((mode & READABLE_BY_ANYBODY) === 0 ? [] : [fault], `mode ${mode.toString(8).padStart(4, '0')}`);
  } finally {
    if (!appendOnly && (await sftp.stat(file))) await sftp.removeFile(file);
  }
}

/** What could be made, and should not have been, stays where nothing can be removed. */
async function clear({ sftp, appendOnly }: Ground, path: string): Promise<void> {
  await sftp.removeFile(path).catch((error: unknown) => {
    if (!appendOnly || statusOf(error) === undefined) throw error;
  });
}

function isInside(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder === '/' ? '/' : `${folder}/`);
}

async function keepsItsKeys({ touch }: Ground): Promise<Verdict> {
  const faults: string[] = [];
  for (const file of ['.ssh/authorized_keys', '.ssh/authorized_keys2']) {
    if (await touch.canChange(file)) faults.push(`it can change ${file}`);
  }
  return told(faults, 'they are out of its reach');
}

function told(faults: readonly string[], detail: string): Verdict {
  return faults.length === 0 ? { detail } : { fault: faults.join(', '), detail: '' };
}

import { spawn } from 'node:child_process';
import { open, readFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { CoffreError } from '../model/error.ts';
import { sleep } from '../system/clock.ts';
import { cleanEnvironment, run } from '../system/command.ts';
import { exists, makeFolder, writeDurably } from '../system/files.ts';
import {
  endProcess,
  endRecordedProcess,
  isRunning,
  type ProcessRecord,
  recordProcess,
} from '../system/process-record.ts';
import { requireProgram } from '../system/programs.ts';
import { holdPrivilegeSeparation, releasePrivilegeSeparation } from './privilege-separation.ts';

export interface ThrowawaySshdOptions {
  /** All of this server is in here: keys, configuration, log, record of its process. Only /run/sshd is outside. */
  readonly folder: string;
  /** Only SFTP, as a contractor offers it; else commands too. */
  readonly sftpOnly: boolean;
  /** Lines of sshd_config in front of all others, of which the first counts. */
  readonly lines?: readonly string[];
}

export interface ThrowawaySshd {
  readonly address: '127.0.0.1';
  readonly port: number;
  /** Who runs this process: the only one who can log in. */
  readonly user: string;
  /** As an inventory pins it: type and base64. */
  readonly hostKey: string;
  readonly identityPath: string;
  readonly pid: number;
  stop(): Promise<void>;
}

const RECORD = 'sshd.process.json';
const START_MS = 10_000;

/**
 * A real sshd on 127.0.0.1 with keys of its own, for the quickstart and for tests: neither ~/.ssh nor /etc/ssh is
 * read. Runs as root or as an ordinary user and goes on when this process ends, until `stop` here or
 * `stopThrowawaySshd` later. Throws `program-missing`, or `unexpected` with the path of its log.
 */
export async function startThrowawaySshd({
  folder,
  sftpOnly,
  lines = [],
}: ThrowawaySshdOptions): Promise<ThrowawaySshd> {
  const program = requireProgram('sshd');
  const path = (name: string) => join(folder, name);
  await makeFolder(folder, 0o700);
  await stopThrowawaySshd(folder);
  const hostKey = await makeKey(path('host_ed25519'));
  const identity = await makeKey(path('identity_ed25519'));
  await writeDurably(path('authorized_keys'), `${identity}\n`, 0o600);
  await holdPrivilegeSeparation(folder);
  const { username: user } = userInfo();
  const pam = await isLocked(user);
  for (let tries = 1; ; tries++) {
    const port = await freePort();
    await writeDurably(
      path('sshd_config'),
      configuration(folder, port, pam, [...lines, ...(sftpOnly ? ['ForceCommand internal-sftp'] : [])]),
      0o600,
    );
    const pid = await launch(program, path('sshd_config'), path('sshd.log'));
    const record = await recordProcess(path(RECORD), pid).catch(() => undefined); // when it has ended at once
    if (record && (await answers(port, record))) {
      const stop = async () => {
        await endProcess(record); // by what we know, in case the folder has been removed
        await stopThrowawaySshd(folder);
      };
      return { address: '127.0.0.1', port, user, hostKey, identityPath: path('identity_ed25519'), pid, stop };
    }
    await endRecordedProcess(path(RECORD));
    if (tries < 3) continue; // another process may have taken the port in between
    await stopThrowawaySshd(folder);
    throw new CoffreError('unexpected', `cannot start sshd in ${folder}: it ended at once`, {
      hint: `look at: tail ${path('sshd.log')}`,
    });
  }
}

/** Stops the server of `folder`, whichever process started it, and takes away what it made outside. */
export async function stopThrowawaySshd(folder: string): Promise<void> {
  await endRecordedProcess(join(folder, RECORD));
  await releasePrivilegeSeparation(folder);
}

function configuration(folder: string, port: number, pam: boolean, lines: readonly string[]): string {
  const quoted = (name: string) => `"${join(folder, name)}"`;
  return `${[
    ...lines,
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${quoted('host_ed25519')}`,
    `AuthorizedKeysFile ${quoted('authorized_keys')}`,
    'PidFile none',
    `UsePAM ${pam ? 'yes' : 'no'}`,
    'StrictModes no', // the folder may be under a world-writable one, such as /tmp
    'AuthenticationMethods publickey',
    'PermitRootLogin prohibit-password',
    'PermitUserRC no',
    'AllowTcpForwarding no',
    'X11Forwarding no',
    'UseDNS no',
    'PrintMotd no',
    'PrintLastLog no',
    'MaxSessions 100',
    'MaxStartups 100:30:200',
    'Subsystem sftp internal-sftp',
  ].join('\n')}\n`;
}

/** The public half, type and base64, of a key that is made unless it is there. */
async function makeKey(path: string): Promise<string> {
  if (!(await exists(path))) {
    const made = await run(requireProgram('ssh-keygen'), ['-q', '-t', 'ed25519', '-N', '', '-C', 'coffre', '-f', path]);
    if (made.exitCode !== 0)
      throw new CoffreError('unexpected', `cannot make the SSH key ${path}: ${made.stderr.trim()}`);
  }
  return (await readFile(`${path}.pub`, 'utf8')).trim().split(' ').slice(0, 2).join(' ');
}

async function launch(program: string, configPath: string, logPath: string): Promise<number> {
  const log = await open(logPath, 'a', 0o600);
  try {
    const child = spawn(program, ['-D', '-e', '-f', configPath], {
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
      env: cleanEnvironment(),
    });
    await new Promise<void>((resolve, reject) => child.once('spawn', resolve).once('error', reject));
    child.unref();
    return child.pid ?? 0;
  } finally {
    await log.close();
  }
}

/** Waits until an SSH server greets on `port`; false when the recorded process ends before that. */
async function answers(port: number, record: ProcessRecord): Promise<boolean> {
  for (let waitedMs = 0; waitedMs < START_MS; waitedMs += 25) {
    if (!(await isRunning(record))) return false;
    if (await greets(port)) return true;
    await sleep(25);
  }
  return false;
}

function greets(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const settle = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(2000, () => settle(false));
    socket.once('error', () => settle(false)).once('close', () => settle(false));
    socket.once('data', (greeting) => settle(greeting.toString('latin1').startsWith('SSH-2.0')));
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

/**
 * Whether this user's password is locked by `!`, as sshd will see it: then it lets nobody in without PAM, not even with
 * a key. Root of an image made for containers can be so, and `nobody` is where systemd names the users.
 */
async function isLocked(user: string): Promise<boolean> {
  const { stdout } = await run('getent', ['shadow', user]);
  return stdout.startsWith(`${user}:!`);
}

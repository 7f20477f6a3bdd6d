import { posix } from 'node:path';
import { CoffreError } from '../model/error.ts';
import type { ContractorSide } from '../model/far-end.ts';
import type { HostName } from '../model/names.ts';
import type { SftpOffsiteConfig } from '../model/offsite-config.ts';
import { quotePosix } from '../system/command.ts';

/**
 * The SFTP requests that sshd denies the account. What they leave is what this project sends (open, close, read, write,
 * fstat, lstat, opendir, readdir, mkdir, rmdir, remove, rename, fsync, limits), and what a person with sftp(1) and the
 * check of the far end need besides: stat, realpath, statvfs. `rename` replaces nothing, `posix-rename` does. An
 * older server knows fewer names, and takes those that it does not know. Source: `sftp-server -Q requests`.
 */
export const DENIED_REQUESTS = [
  'setstat',
  'fsetstat',
  'lsetstat',
  'readlink',
  'symlink',
  'hardlink',
  'posix-rename',
  'copy-data',
  'expand-path',
  'home-directory',
  'users-groups-by-id',
] as const;

/** What an account is denied besides that is to append only. */
export const DENIED_TO_APPENDERS = ['rename', 'remove', 'rmdir'] as const;

export const KEYS_FOLDER = '/etc/ssh/authorized_keys';
export const DEFAULT_CHROOTS = '/srv/coffre';

/**
 * What the contractor's side should look like for `host`, whose offsite key is `publicKey` as ssh-keygen prints it.
 * Throws `inventory` for what no chroot can be: its root as the folder of the runs, or an account named root.
 */
export function contractorSide(offsite: SftpOffsiteConfig, publicKey: string, host: HostName): ContractorSide {
  const { user } = offsite;
  const path = assertPath(offsite);
  if (user === 'root') throw wrong(offsite, 'user', 'root cannot be kept inside a folder');
  const chroots = offsite.admin?.folder ?? DEFAULT_CHROOTS;
  const chroot = `${chroots}/${user}`;
  const folder = `${chroot}${path}`;
  const between = path.split('/').slice(1, -1);
  const rootFolders = [chroots, chroot, ...between.map((_, i) => `${chroot}/${between.slice(0, i + 1).join('/')}`)];
  const denied = [...DENIED_REQUESTS, ...(offsite.appendOnly ? DENIED_TO_APPENDERS : [])];
  const rules = { path: `/etc/ssh/sshd_config.d/coffre-${user}.conf`, content: sshdRules(user, chroot, denied) };
  const tag = tagOf(host);
  const keys = {
    path: `${KEYS_FOLDER}/${user}`,
    line: `restrict,command="internal-sftp" ${bare(publicKey)} ${tag}`,
    tag,
  };
  const words = (...each: string[]) => each.map(quotePosix).join(' ');
  const before = [
    `${words('getent', 'passwd', user)} || ${words('useradd', ...USERADD_OPTIONS, user)}`,
    words('install', '-d', '-o', 'root', '-g', 'root', '-m', '0755', ...rootFolders, KEYS_FOLDER),
    words('install', '-d', '-m', '0700', '-o', user, folder),
  ];
  const after = [
    words('chmod', '0644', rules.path, keys.path),
    'sshd -t && systemctl reload ssh',
    words('sshd', '-T', '-C', `user=${user},host=localhost,addr=127.0.0.1`),
  ];
  return { user, chroot, rootFolders, folder, rules, keys, commands: { before, after } };
}

/** What ends the line of a host in the keys of its account. */
export function tagOf(host: HostName): string {
  return `coffre:${host}`;
}

/** By this an account is known as one that is there for backups. */
export const ACCOUNT_COMMENT = 'backups by SFTP';

/**
 * No shell, no home where keys could be put, and a password that nothing matches: `*`, because sshd without PAM takes
 * `!`, which useradd would set, for a locked account and lets it in with no key either.
 */
export const USERADD_OPTIONS = [
  '--system',
  '--user-group',
  '--no-create-home',
  ...['--home-dir', '/nonexistent'],
  ...['--shell', '/usr/sbin/nologin'],
  ...['--password', '*'],
  ...['--comment', ACCOUNT_COMMENT],
] as const;

/** The first of several values counts in sshd, and a Match beats what stands outside: nothing here leaks to others. */
function sshdRules(user: string, chroot: string, denied: readonly string[]): string {
  return `${[
    `# ${user} puts backups here by SFTP, and can do nothing else.`,
    `Match User ${user}`,
    `    ChrootDirectory ${chroot}`,
    `    ForceCommand internal-sftp -u 0077 -P ${denied.join(',')}`,
    `    AuthorizedKeysFile ${KEYS_FOLDER}/%u`,
    '    AuthenticationMethods publickey',
    '    PubkeyAuthentication yes',
    '    PasswordAuthentication no',
    '    KbdInteractiveAuthentication no',
    '    DisableForwarding yes',
    '    AllowTcpForwarding no',
    '    AllowStreamLocalForwarding no',
    '    AllowAgentForwarding no',
    '    X11Forwarding no',
    '    PermitTunnel no',
    '    PermitTTY no',
    '    PermitUserRC no',
    '    MaxSessions 4',
    'Match all',
  ].join('\n')}\n`;
}

function assertPath(offsite: SftpOffsiteConfig): string {
  const path = posix.resolve('/', offsite.path);
  if (path === '/') {
    throw wrong(offsite, 'path', 'the account cannot write into the root of what it sees: name a folder such as /runs');
  }
  if (/\p{Cc}/u.test(path)) throw wrong(offsite, 'path', 'it has a control character');
  return path;
}

/** Type and base64 alone: a comment is whatever somebody wrote. */
function bare(publicKey: string): string {
  const found = /^((?:ssh|ecdsa)-[a-z0-9-]+ [A-Za-z0-9+/]+={0,2})(?:[ \t][^\r\n]*)?\r?\n?$/.exec(publicKey);
  if (found?.[1]) return found[1];
  throw new CoffreError('usage', 'cannot tell the contractor the key of the host: this is no public SSH key', {
    hint: 'print it with: ssh-keygen -y -f <identity>',
  });
}

function wrong({ name }: SftpOffsiteConfig, key: string, why: string): CoffreError {
  return new CoffreError('inventory', `cannot set up the offsite ${name}: ${key}: ${why}`, {
    hint: `change the ${key} of this offsite in inventory/hosts`,
  });
}

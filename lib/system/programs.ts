import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { CoffreError } from '../model/error.ts';

/** Every foreign program that this project runs everywhere, and the Debian package that brings it. */
export const PACKAGE_OF = {
  bash: 'bash',
  cat: 'coreutils',
  dd: 'coreutils',
  flock: 'util-linux',
  getent: 'libc-bin',
  git: 'git',
  gzip: 'gzip',
  igzip: 'isal',
  ionice: 'util-linux',
  mariadb: 'mariadb-client-core',
  'mariadb-dump': 'mariadb-client',
  'mariadb-install-db': 'mariadb-server-core',
  mariadbd: 'mariadb-server-core',
  openssl: 'openssl',
  mktemp: 'coreutils',
  npm: 'npm',
  pigz: 'pigz',
  rm: 'coreutils',
  script: 'bsdutils',
  sh: 'dash',
  sha256sum: 'coreutils',
  ssh: 'openssh-client',
  'ssh-keygen': 'openssh-client',
  sshd: 'openssh-server',
  stdbuf: 'coreutils',
  tar: 'tar',
  touch: 'coreutils',
  useradd: 'passwd',
  timeout: 'coreutils',
  zstd: 'zstd',
} as const;

/** What provisioning runs on a real host, if it is there: neither the quickstart nor an operator's machine needs these. */
export const HOST_PACKAGE_OF = {
  'apt-get': 'apt',
  cron: 'cron',
  logger: 'bsdutils',
  rclone: 'rclone',
  systemctl: 'systemd',
  'systemd-analyze': 'systemd',
} as const;

/** What tests run besides: to prove that other programs than this one can read what it writes. */
export const TEST_PACKAGE_OF = { jq: 'jq', promtool: 'prometheus', rclone: 'rclone', zsh: 'zsh' } as const;

/**
 * What the tests' lab of real hosts runs besides, on this machine or inside a host. Only root can run the lab, so only
 * root's setup installs these.
 */
export const LAB_PACKAGE_OF = {
  busybox: 'busybox',
  cp: 'coreutils',
  cron: 'cron',
  gluster: 'glusterfs-cli',
  glusterd: 'glusterfs-server',
  ip: 'iproute2',
  mknod: 'coreutils',
  mount: 'mount',
  'mount.glusterfs': 'glusterfs-client',
  nsenter: 'util-linux',
  pivot_root: 'util-linux',
  sudo: 'sudo',
  tc: 'iproute2',
  unshare: 'util-linux',
} as const;

/** What the bench compares with, and loads a server with. Each is optional: what is missing is named and left out. */
export const BENCH_PACKAGE_OF = {
  borg: 'borgbackup',
  'mariadb-backup': 'mariadb-backup',
  mbstream: 'mariadb-backup',
  mydumper: 'mydumper',
  myloader: 'mydumper',
  restic: 'restic',
  rsync: 'rsync',
  scp: 'openssh-client',
  sftp: 'openssh-client',
  sysbench: 'sysbench',
} as const;

/** What the fault suite lets the clock of a process jump with. Optional: without it no clock jumps. */
export const FAULTS_PACKAGE_OF = { faketime: 'faketime' } as const;

/** What the long tests look at pages with: a hundred megabytes, so that `npm test` does without. */
export const BROWSER_PACKAGE_OF = { chromium: 'chromium' } as const;

const ALL = {
  ...PACKAGE_OF,
  ...HOST_PACKAGE_OF,
  ...TEST_PACKAGE_OF,
  ...LAB_PACKAGE_OF,
  ...BENCH_PACKAGE_OF,
  ...BROWSER_PACKAGE_OF,
  ...FAULTS_PACKAGE_OF,
};

export type Program = keyof typeof ALL;
export type LabProgram = keyof typeof LAB_PACKAGE_OF;

/** The Debian package that brings `program`. */
export function packageOf(program: Program): string {
  return ALL[program];
}

/** The absolute path of `program`, looked for on PATH and in the sbin folders; undefined when it is not there. */
export function findProgram(program: Program): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin'];
  return folders
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, program))
    .find(isExecutable);
}

/** The absolute path of `program`. Throws `program-missing`, with the package that brings it. */
export function requireProgram(program: Program): string {
  const path = findProgram(program);
  if (path) return path;
  throw new CoffreError('program-missing', `cannot find the program ${program} on this host`, {
    hint: `install it with: apt-get install --no-install-recommends ${packageOf(program)}`,
  });
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

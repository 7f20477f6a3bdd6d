import type { DrillerSlice } from '../model/driller-slice.ts';
import { parseGitRemote } from '../model/git-remote.ts';
import type { HostConfig } from '../model/inventory.ts';
import { findProgram, type Program, packageOf } from '../system/programs.ts';

/** What the verbs of the agent run on every host. */
const ALWAYS = ['sh', 'flock', 'timeout', 'mariadb', 'mariadb-dump', 'git', 'ssh-keygen'] as const;

/** The programs that this machine lacks of those that the agent needs to serve `host`. */
export function missingPrograms(host: Pick<HostConfig, 'audit' | 'compression' | 'offsite'>): readonly Program[] {
  const { program } = host.compression;
  const compressor = program === 'auto' || program === 'zlib' ? [] : [program];
  return missingOf([...ALWAYS, ...sshFor(host), ...rcloneFor(host), ...compressor]);
}

/** What a drill runs: a server of its own, and what opens the archives of its hosts. */
export function drillerPrograms({ driller, hosts }: DrillerSlice): readonly Program[] {
  const zstd = hosts.some(({ compression }) => compression.program === 'zstd') ? (['zstd'] as const) : [];
  return [...ALWAYS, 'mariadbd', 'mariadb-install-db', ...sshFor(driller), ...hosts.flatMap(rcloneFor), ...zstd];
}

/** Those of `programs` that this machine lacks. */
export function missingOf(programs: readonly Program[]): readonly Program[] {
  return programs.filter((name) => findProgram(name) === undefined);
}

function sshFor({ audit }: Pick<HostConfig, 'audit'>): readonly Program[] {
  return audit.kind === 'git' && parseGitRemote(audit.remote).transport === 'ssh' ? ['ssh'] : [];
}

function rcloneFor({ offsite }: Pick<HostConfig, 'offsite'>): readonly Program[] {
  return offsite.some(({ kind }) => kind === 'rclone') ? ['rclone'] : [];
}

/** The Debian packages that bring these programs, each once. */
export function packagesOf(programs: readonly Program[]): string[] {
  return [...new Set(programs.map(packageOf))].sort();
}

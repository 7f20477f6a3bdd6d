import { parseGitRemote } from '../model/git-remote.ts';
import type { HostConfig } from '../model/inventory.ts';
import { findProgram, type Program, packageOf } from '../system/programs.ts';

/** What the verbs of the agent run on every host. */
const ALWAYS = ['sh', 'flock', 'timeout', 'mariadb', 'mariadb-dump', 'git', 'ssh-keygen'] as const;

/** The programs that this machine lacks of those that the agent needs to serve `host`. */
export function missingPrograms(host: Pick<HostConfig, 'audit' | 'compression'>): readonly Program[] {
  const { program } = host.compression;
  const compressor = program === 'auto' || program === 'zlib' ? [] : [program];
  const ssh = parseGitRemote(host.audit.remote).transport === 'ssh' ? (['ssh'] as const) : [];
  return [...ALWAYS, ...ssh, ...compressor].filter((name) => findProgram(name) === undefined);
}

/** The Debian packages that bring these programs, each once. */
export function packagesOf(programs: readonly Program[]): string[] {
  return [...new Set(programs.map(packageOf))].sort();
}

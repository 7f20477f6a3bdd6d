import { parseGitRemote } from '../model/git-remote.ts';
import type { HostConfig } from '../model/inventory.ts';
import { findProgram, type Program, packageOf } from '../system/programs.ts';

/** Programs that a host lacks. */
export interface MissingPrograms {
  /** Without these the agent does not work. */
  readonly required: readonly Program[];
  /** With one of these it works several times as fast. */
  readonly useful: readonly Program[];
}

/** What the verbs of the agent run on every host. */
const ALWAYS = ['sh', 'flock', 'timeout', 'mariadb', 'mariadb-dump', 'git', 'ssh-keygen'] as const;
/** In the order in which `auto` looks for them. */
const FAST_COMPRESSORS = ['igzip', 'pigz'] as const;

/** The programs that this machine lacks of those that the agent needs to serve `host`. */
export function missingPrograms(host: Pick<HostConfig, 'audit' | 'compression'>): MissingPrograms {
  const { program } = host.compression;
  const compressor = program === 'auto' || program === 'zlib' ? [] : [program];
  const ssh = parseGitRemote(host.audit.remote).transport === 'ssh' ? (['ssh'] as const) : [];
  const isMissing = (name: Program) => findProgram(name) === undefined;
  const slow = program === 'auto' && FAST_COMPRESSORS.every(isMissing);
  return {
    required: [...ALWAYS, ...ssh, ...compressor].filter(isMissing),
    useful: slow ? [FAST_COMPRESSORS[0]] : [],
  };
}

/** The Debian packages that bring these programs, each once. */
export function packagesOf(programs: readonly Program[]): string[] {
  return [...new Set(programs.map(packageOf))].sort();
}

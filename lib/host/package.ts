import { CoffreError } from '../model/error.ts';
import type { HostConfig } from '../model/inventory.ts';
import type { Resource } from '../model/plan.ts';
import { run } from '../system/command.ts';
import { publicText } from '../system/known-secrets.ts';
import { type Program, requireProgram } from '../system/programs.ts';
import {
  isServicePolicyLeft,
  restoreServicePolicy,
  SERVICE_POLICY,
  withoutStartingServices,
} from '../system/service-policy.ts';
import { missingPrograms, packagesOf } from './host-programs.ts';

type Needs = Pick<HostConfig, 'audit' | 'compression' | 'offsite'> & {
  readonly agent: Pick<HostConfig['agent'], 'installPackages'>;
};

const APT = ['install', '--no-install-recommends'] as const;
const TIMEOUT_MS = 20 * 60_000;

/**
 * The programs that the agent needs on this host. Where the inventory allows it their Debian packages are installed, and
 * none of them starts a service. Where it does not, `inspect` throws `program-missing`, which names all of them, and the
 * line that installs them.
 */
export function packageResource(host: Needs, policy = SERVICE_POLICY): Resource {
  return programsResource(() => missingPrograms(host), host.agent, policy);
}

/** The same for whichever programs `lacking` says are not there. */
export function programsResource(
  lacking: () => readonly Program[],
  { installPackages }: Needs['agent'],
  policy = SERVICE_POLICY,
): Resource {
  const name = 'programs of the agent';
  return {
    kind: 'package',
    name,
    async inspect() {
      const required = lacking();
      if (required.length > 0 && !installPackages) throw missing(required);
      const lines = packagesOf(required).map((packageName) => {
        const programs = required.filter((program) => packagesOf([program])[0] === packageName);
        return `+package ${packageName} (${programs.join(', ')})`;
      });
      if (await isServicePolicyLeft(policy)) lines.push(`-${policy}: left by an installation that was killed`);
      return lines.length === 0 ? undefined : { action: 'create', kind: 'package', name, lines };
    },
    async apply() {
      await restoreServicePolicy(policy);
      const required = lacking();
      if (required.length > 0) await withoutStartingServices(() => install(packagesOf(required)), policy);
      const still = lacking();
      if (still.length > 0) throw missing(still);
    },
  };
}

/** From the lists of packages that are at hand; from new ones where that fails. */
async function install(packages: readonly string[]): Promise<void> {
  const words = [...APT, '--yes', '-qq', '-o', 'DPkg::Lock::Timeout=300', '--', ...packages];
  if ((await apt(words)).exitCode === 0) return;
  const updated = await apt(['update', '-qq']);
  const { exitCode, stderr } = await apt(words);
  if (exitCode === 0) return;
  const said = publicText(`${updated.stderr}\n${stderr}`)
    .split('\n')
    .filter((line) => line.startsWith('E: '));
  throw new CoffreError('program-missing', `cannot install ${packages.join(' ')}: apt-get ended with ${exitCode}`, {
    hint: `try by hand on the host: ${commandLine(packages)}`,
    findings: said.slice(0, 5),
  });
}

function apt(words: readonly string[]) {
  return run(requireProgram('apt-get'), words, { env: { DEBIAN_FRONTEND: 'noninteractive' }, timeoutMs: TIMEOUT_MS });
}

function missing(programs: readonly Program[]): CoffreError {
  const subject = programs.length === 1 ? 'the program' : 'the programs';
  return new CoffreError('program-missing', `cannot find ${subject} ${programs.join(', ')} on this host`, {
    hint: `install with: ${commandLine(packagesOf(programs))}; or allow it in the inventory: agent.installPackages: true`,
  });
}

function commandLine(packages: readonly string[]): string {
  return ['apt-get', ...APT, ...packages].join(' ');
}

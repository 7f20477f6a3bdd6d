import { readFile, rename } from 'node:fs/promises';
import { CoffreError } from '../model/error.ts';
import { quotePosix } from './command.ts';
import { copyFile, exists, readIfPresent, removeDurably, writeDurably } from './files.ts';

/** What Debian asks before it starts a service: exit code 101 means no. Source: invoke-rc.d(8). */
export const SERVICE_POLICY = '/usr/sbin/policy-rc.d';

const MARK = '# Written by coffre:';

/**
 * Does `act`, which installs packages, while no package may start a service. What stood under `policy` is back afterwards.
 * A process that is killed leaves its file there; but it counts for nothing once that process is gone, and
 * `restoreServicePolicy` takes it away.
 */
export async function withoutStartingServices<T>(act: () => Promise<T>, policy = SERVICE_POLICY): Promise<T> {
  await restoreServicePolicy(policy);
  const saved = savedPath(policy);
  if (await exists(policy)) await copyFile(policy, saved, 0o755);
  await writeDurably(policy, policyText(process.pid, await ownStart(), saved), 0o755);
  try {
    return await act();
  } finally {
    await restoreServicePolicy(policy);
  }
}

/** Whether an installation that was killed has left something there. */
export async function isServicePolicyLeft(policy = SERVICE_POLICY): Promise<boolean> {
  return (await isOurs(policy)) || (await exists(savedPath(policy)));
}

export async function restoreServicePolicy(policy = SERVICE_POLICY): Promise<void> {
  const saved = savedPath(policy);
  if (!(await isOurs(policy))) await removeDurably(saved);
  else if (await exists(saved)) await rename(saved, policy);
  else await removeDurably(policy);
}

async function isOurs(policy: string): Promise<boolean> {
  return (await readIfPresent(policy))?.includes(MARK) ?? false;
}

function savedPath(policy: string): string {
  return `${policy}.before-coffre`;
}

/** Process ids are used again, the pair of one and its start is not. Source: proc(5), field 22 of /proc/<pid>/stat. */
async function ownStart(): Promise<string> {
  const stat = await readFile('/proc/self/stat', 'utf8');
  const start = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  if (start !== undefined) return start;
  throw new CoffreError('unexpected', 'cannot read /proc/self/stat: it has no start time');
}

function policyText(pid: number, start: string, saved: string): string {
  return `#!/bin/sh
${MARK} no service is started while it installs packages. Once process ${pid} is gone this file
# counts for nothing, and the one that stood here before, if any, is asked.
read -r stat 2> /dev/null < /proc/${pid}/stat || stat=
at_work() { set -- \${1##*) }; [ "\${20-}" = ${start} ]; }
at_work "$stat" && exit 101
[ -x ${quotePosix(saved)} ] && exec ${quotePosix(saved)} "$@"
exit 0
`;
}

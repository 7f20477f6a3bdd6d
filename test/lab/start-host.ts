import { plug } from './lab-network.ts';
import type { LabHost, LabPlan, LabRole } from './lab-plan.ts';
import { bootHost } from './lab-process.ts';
import { contractor } from './roles/contractor.ts';
import { cron } from './roles/cron.ts';
import { database } from './roles/database.ts';
import { git } from './roles/git.ts';
import { gluster } from './roles/gluster.ts';
import { insideOf, type Role } from './roles/role.ts';
import { sshd } from './roles/sshd.ts';

const ROLES: Readonly<Record<LabRole, Role>> = { database, cron, gluster, git, contractor };

/** Boots a host and starts what its roles want. `isNew` is its first boot, at which they are installed. */
export async function startHost(plan: LabPlan, holderPid: number, host: LabHost, isNew: boolean): Promise<void> {
  const init = await bootHost(plan.folder, holderPid, host.name);
  await plug(holderPid, init, host.number, host.address);
  const inside = insideOf(plan, host);
  const roles = rolesOf(host);
  if (isNew) for (const role of roles) await role.install?.(inside);
  await Promise.all(roles.map((role) => role.start?.(inside)));
}

/** Ties a new host to the others, when all of them are up. */
export async function settleHost(plan: LabPlan, host: LabHost): Promise<void> {
  await Promise.all(rolesOf(host).map((role) => role.settle?.(insideOf(plan, host))));
}

function rolesOf(host: LabHost): readonly Role[] {
  return [sshd, ...(host.spec.roles ?? []).map((name) => ROLES[name])];
}

import type { Converged } from '../model/converge-order.ts';
import { asCoffreError } from '../model/error.ts';
import type { Emit } from '../model/event.ts';
import type { ContractorSide, FarEnd } from '../model/far-end.ts';
import type { HostConfig } from '../model/inventory.ts';
import type { HostName } from '../model/names.ts';
import { type SftpOffsiteConfig, sftpOffsites } from '../model/offsite-config.ts';
import type { Change, Remark } from '../model/plan.ts';
import { contractorRemarks } from '../storage/contractor-resources.ts';
import { contractorSide } from '../storage/contractor-side.ts';
import { connectSsh } from '../system/ssh.ts';
import { applyContractorSide, planContractorSide } from './apply-contractor-side.ts';
import type { Login } from './login.ts';

/** What each offsite of `host` should have on its server, by the keys that the host has made. */
export function farEndsOf(host: HostConfig, { identities, farEnds }: Converged): readonly FarEnd[] {
  return host.offsite.map((offsite) => {
    const { name } = offsite;
    const conditions = farEnds.find((report) => report.offsite === name)?.conditions ?? null;
    // Whoever keeps it is told nothing: what it should have is in rclone's own documents.
    if (offsite.kind === 'rclone')
      return { offsite: name, path: offsite.remote, identity: offsite.config, side: null, why: null, conditions };
    const { path, identity } = offsite;
    const base = { offsite: name, path, identity };
    const key = identities.find((each) => each.path === identity);
    if (!key) return { ...base, side: null, why: 'the host has no key for it yet', conditions };
    try {
      return { ...base, side: contractorSide(offsite, key.publicKey, host.name), why: null, conditions };
    } catch (error) {
      return { ...base, side: null, why: asCoffreError(error).message, conditions };
    }
  });
}

interface Setting {
  readonly login: Login;
  readonly emit: Emit;
  readonly signal: AbortSignal;
  /** Whether the plan is carried out, or only told. */
  readonly apply: boolean;
  /** All hosts of the inventory: some may share an account at a contractor's. */
  readonly hosts: readonly HostConfig[];
  /** Machines that drill from the same accounts, each with a key of its own there. */
  readonly readers?: readonly HostName[];
}

/** What was, or would be, set up at the contractors' servers, each change under the name of its offsite, and what was seen there. */
export interface FarSide {
  readonly farChanges: readonly Change[];
  readonly farRemarks: readonly Remark[];
}

/**
 * Sets up the servers where the inventory says that control may (`offsite[].admin`), or tells what it would do. Throws what keeps it
 * from that: the host itself is provisioned by then.
 */
export async function setUpFarEnds(host: HostConfig, converged: Converged, setting: Setting): Promise<FarSide> {
  const done: FarSide[] = [];
  const known = setting.apply ? converged : withKeysToBe(host, converged);
  for (const { offsite: name, side } of farEndsOf(host, known)) {
    const offsite = sftpOffsites(host.offsite).find((each) => each.name === name);
    if (side && offsite?.admin) done.push(await setUp(host, offsite, side, setting));
  }
  return {
    farChanges: done.flatMap(({ farChanges }) => farChanges),
    farRemarks: done.flatMap(({ farRemarks }) => farRemarks),
  };
}

/** Stands for a key that the host is going to make: a plan knows where it goes before it is there. */
const KEY_TO_BE = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA';

function withKeysToBe(host: HostConfig, converged: Converged): Converged {
  const missing = sftpOffsites(host.offsite)
    .map(({ identity }) => identity)
    .filter((path) => !converged.identities.some((each) => each.path === path));
  const toBe = missing.map((path) => ({ path, publicKey: KEY_TO_BE }));
  return { ...converged, identities: [...converged.identities, ...toBe] };
}

/** The hosts that the inventory gives the same account. */
function sharersOf({ address, port, user }: SftpOffsiteConfig, hosts: readonly HostConfig[]): readonly HostName[] {
  const isSame = (other: SftpOffsiteConfig) => other.address === address && other.port === port && other.user === user;
  return hosts.filter(({ offsite }) => sftpOffsites(offsite).some(isSame)).map(({ name }) => name);
}

async function setUp(
  host: HostConfig,
  offsite: SftpOffsiteConfig,
  side: ContractorSide,
  { login, emit, signal, apply, hosts, readers = [] }: Setting,
): Promise<FarSide> {
  const { address, hostKey, admin } = offsite;
  if (!admin) return { farChanges: [], farRemarks: [] };
  const { user, port = offsite.port } = admin;
  const ssh = { address, hostKey, user, port, ...(admin.identity === undefined ? {} : { identity: admin.identity }) };
  const connection = await connectSsh({
    ...ssh,
    identity: await login(ssh),
    unreachable: 'offsite-unreachable',
    signal,
  });
  const named = ({ lines, name, ...change }: Change): Change => ({
    ...change,
    name: `${offsite.name}: ${name}`,
    lines: lines.map((line) => line.replaceAll(KEY_TO_BE, '(the key that the host is going to make)')),
  });
  try {
    const over = { connection, admin: user };
    const changes = (await planContractorSide(over, side)).map(named);
    const seen = await contractorRemarks(over, side, [...sharersOf(offsite, hosts), ...readers]);
    const farRemarks = seen.map(({ text, hint }) => ({ text: `${offsite.name}: ${text}`, hint }));
    if (changes.length > 0) {
      emit({ kind: 'plan', subject: host.name, plan: { host: host.name, changes, remarks: farRemarks } });
    }
    if (!apply) return { farChanges: changes, farRemarks };
    const applied = await applyContractorSide(over, side, (change) => {
      const { action, kind, name } = named(change);
      emit({ kind: 'phase-ended', phase: action, subject: `${host.name}: ${kind} ${name}`, durationMs: 0 });
    });
    return { farChanges: applied.map(named), farRemarks };
  } finally {
    connection.close();
  }
}

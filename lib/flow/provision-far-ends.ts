import type { Converged } from '../model/converge-order.ts';
import { asCoffreError } from '../model/error.ts';
import type { Emit } from '../model/event.ts';
import type { ContractorSide, FarEnd } from '../model/far-end.ts';
import type { HostConfig, OffsiteConfig } from '../model/inventory.ts';
import type { Change } from '../model/plan.ts';
import { contractorSide } from '../storage/contractor-side.ts';
import { connectSsh } from '../system/ssh.ts';
import { applyContractorSide, planContractorSide } from './apply-contractor-side.ts';
import type { Login } from './login.ts';

/** What each offsite of `host` should have on its server, by the keys that the host has made. */
export function farEndsOf(host: HostConfig, { identities, farEnds }: Converged): readonly FarEnd[] {
  return host.offsite.map((offsite) => {
    const { name, path, identity } = offsite;
    const base = { offsite: name, path, identity };
    const conditions = farEnds.find((report) => report.offsite === name)?.conditions ?? null;
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
}

/**
 * Sets up the servers where the inventory says that control may (`offsite[].admin`), or tells what it would do. Returns the changes, under
 * the name of their offsite. Throws what keeps it from that: the host itself is provisioned by then.
 */
export async function setUpFarEnds(
  host: HostConfig,
  converged: Converged,
  setting: Setting,
): Promise<readonly Change[]> {
  const changes: Change[] = [];
  const known = setting.apply ? converged : withKeysToBe(host, converged);
  for (const { offsite: name, side } of farEndsOf(host, known)) {
    const offsite = host.offsite.find((each) => each.name === name);
    if (side && offsite?.admin) changes.push(...(await setUp(host, offsite, side, setting)));
  }
  return changes;
}

/** Stands for a key that the host is going to make: a plan knows where it goes before it is there. */
const KEY_TO_BE = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA';

function withKeysToBe(host: HostConfig, converged: Converged): Converged {
  const missing = host.offsite
    .map(({ identity }) => identity)
    .filter((path) => !converged.identities.some((each) => each.path === path));
  const toBe = missing.map((path) => ({ path, publicKey: KEY_TO_BE }));
  return { ...converged, identities: [...converged.identities, ...toBe] };
}

async function setUp(
  host: HostConfig,
  offsite: OffsiteConfig,
  side: ContractorSide,
  { login, emit, signal, apply }: Setting,
): Promise<readonly Change[]> {
  const { address, hostKey, admin } = offsite;
  if (!admin) return [];
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
    if (changes.length > 0) {
      emit({ kind: 'plan', subject: host.name, plan: { host: host.name, changes, remarks: [] } });
    }
    if (!apply) return changes;
    const applied = await applyContractorSide(over, side, (change) => {
      const { action, kind, name } = named(change);
      emit({ kind: 'phase-ended', phase: action, subject: `${host.name}: ${kind} ${name}`, durationMs: 0 });
    });
    return applied.map(named);
  } finally {
    connection.close();
  }
}

import { addAllowedSigner } from '../audit/signing-key.ts';
import type { BuiltRelease } from '../host/release/build-release.ts';
import { AccountOrder } from '../model/account-order.ts';
import type { Converged, ConvergeOrder } from '../model/converge-order.ts';
import { asCoffreError, CoffreError } from '../model/error.ts';
import type { Emit, FlowEvent } from '../model/event.ts';
import type { FarEnd } from '../model/far-end.ts';
import type { HostOutcome } from '../model/host-outcome.ts';
import type { HostConfig, Inventory } from '../model/inventory.ts';
import type { HostName } from '../model/names.ts';
import { otherFolders } from '../storage/other-folders.ts';
import type { Clock } from '../system/clock.ts';
import { atMost } from './at-most.ts';
import type { Login } from './login.ts';
import { type FarSide, farEndsOf, setUpFarEnds } from './provision-far-ends.ts';
import type { ReleaseShelf } from './release-shelf.ts';
import { openRemoteHost, type RemoteHost } from './remote-host.ts';
import { sliceOf } from './slice-of.ts';

export interface ProvisionWish {
  readonly desired: ConvergeOrder['desired'];
  /** Whether plans are carried out, or only told. */
  readonly apply: boolean;
  /** Whether the offsites are looked at from the host. */
  readonly lookAround: boolean;
  /** Hosts at a time. */
  readonly parallel: number;
}

export interface ProvisionContext {
  readonly inventory: Inventory;
  readonly login: Login;
  readonly releases: ReleaseShelf;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

/**
 * Converges hosts to the inventory, several at a time: primaries before their replicas, whose accounts they have to have. One host's
 * failure is its own: the others go on, and each has its outcome, in the order of `hosts`.
 */
export async function provision(
  hosts: readonly HostConfig[],
  wish: ProvisionWish,
  context: ProvisionContext,
): Promise<readonly HostOutcome[]> {
  const outcomes = new Map<HostName, HostOutcome>();
  const names = new Set(hosts.map(({ name }) => name));
  const waitsFor = ({ database }: HostConfig) => database.replicaOf !== undefined && names.has(database.replicaOf);
  const signers = inOrder();
  for (const wave of [hosts.filter((host) => !waitsFor(host)), hosts.filter(waitsFor)]) {
    await atMost(wish.parallel, wave, async (host) => {
      outcomes.set(host.name, await one(host, wish, context, signers));
    });
  }
  return hosts.flatMap(({ name }) => outcomes.get(name) ?? []);
}

async function one(
  host: HostConfig,
  wish: ProvisionWish,
  context: ProvisionContext,
  signers: ReturnType<typeof inOrder>,
): Promise<HostOutcome> {
  const { signal } = context;
  try {
    signal.throwIfAborted();
    const remote = await openRemoteHost(host, context.login, signal);
    try {
      const release = await context.releases.releaseFor(remote.facts);
      const converged = await converge(host, remote, release, wish, context);
      const signer = await signers(() => letSign(host, converged, wish, context));
      const farEnds = await reachOut(host, converged, { remote, release, wish, context });
      return { host: host.name, ok: true, converged, signer, ...farEnds };
    } finally {
      await remote.close();
    }
  } catch (error) {
    const failure = signal.aborted ? asCoffreError(signal.reason) : asCoffreError(error);
    return { host: host.name, ok: false, error: failure };
  }
}

async function letSign(
  { name }: HostConfig,
  { signingKey }: Converged,
  { desired, apply }: ProvisionWish,
  { inventory }: ProvisionContext,
): Promise<'added' | 'present' | 'none'> {
  if (desired !== 'present' || !apply || signingKey === null) return 'none';
  return await addAllowedSigner(inventory.folder, name, signingKey);
}

async function converge(
  host: HostConfig,
  remote: RemoteHost,
  release: BuiltRelease,
  wish: ProvisionWish,
  context: ProvisionContext,
): Promise<Converged> {
  const carried: Promise<unknown>[] = [];
  const emit: Emit = (event) => {
    if (event.kind === 'account-order') carried.push(carryToPrimary(host, event.order, context));
    else context.emit(withHost(event, host.name));
  };
  const [outcome] = await Promise.allSettled([remote.converge(orderFor(host, wish, context), release, emit)]);
  // What kept the primary from it says more than that the replica has waited for it in vain.
  for (const result of await Promise.allSettled(carried)) if (result.status === 'rejected') throw result.reason;
  if (outcome.status === 'rejected') throw outcome.reason;
  return outcome.value;
}

/** Several hosts speak at the same time: each thing says whose it is. */
function withHost(event: FlowEvent, host: HostName): FlowEvent {
  return event.subject === host ? event : { ...event, subject: `${host}: ${event.subject}` };
}

interface Reach {
  readonly remote: RemoteHost;
  readonly release: BuiltRelease;
  readonly wish: ProvisionWish;
  readonly context: ProvisionContext;
}

/** The other side of the offsites: set up where control may, and looked at from the host once it has its keys. */
async function reachOut(
  host: HostConfig,
  converged: Converged,
  { remote, release, wish, context }: Reach,
): Promise<FarSide & { readonly farEnds: readonly FarEnd[] }> {
  if (wish.desired !== 'present') return { farEnds: [], farChanges: [], farRemarks: [] };
  const { login, emit, signal } = context;
  const hosts = [...context.inventory.hosts.values()];
  const drillers = [...context.inventory.drillers.values()];
  const readers = drillers.filter((driller) => driller.hosts.includes(host.name)).map(({ name }) => name);
  const far = await setUpFarEnds(host, converged, { login, emit, signal, apply: wish.apply, hosts, readers });
  if (!wish.lookAround || host.offsite.length === 0) return { farEnds: farEndsOf(host, converged), ...far };
  const order = { ...orderFor(host, wish, context), farEnds: true };
  const { farEnds } = await remote.converge(order, release, emit);
  return { farEnds: farEndsOf(host, { ...converged, farEnds }), ...far };
}

function orderFor(host: HostConfig, { desired, apply }: ProvisionWish, context: ProvisionContext): ConvergeOrder {
  const { inventory, clock } = context;
  const hosts = [...inventory.hosts.values()];
  return {
    slice: sliceOf(host, inventory),
    desired,
    apply,
    accountOrder: null,
    farEnds: false,
    otherFolders: Object.fromEntries(host.offsite.map((offsite) => [offsite.name, [...otherFolders(hosts, offsite)]])),
    controlTimeMs: clock.now().getTime(),
  };
}

/** The account of a replica is made by the agent of its primary, in the middle of the replica's own provisioning. */
async function carryToPrimary(replica: HostConfig, handed: unknown, context: ProvisionContext): Promise<void> {
  const { inventory, releases, emit } = context;
  const { replicaOf } = replica.database;
  const primary = replicaOf === undefined ? undefined : inventory.hosts.get(replicaOf);
  const order = AccountOrder.safeParse(handed).data;
  if (!primary || order?.host !== replica.name) {
    throw new CoffreError('refused', `cannot carry an account of ${replica.name} to ${replicaOf ?? 'a primary'}`, {
      hint: `look at database.replicaOf in hosts/${replica.name}.yaml`,
    });
  }
  const remote = await openRemoteHost(primary, context.login, context.signal);
  try {
    const release = await releases.releaseFor(remote.facts);
    const wish = { desired: 'present', apply: true, lookAround: false, parallel: 1 } as const;
    const tell: Emit = (event) => emit(withHost(event, primary.name));
    await remote.converge({ ...orderFor(primary, wish, context), accountOrder: order }, release, tell);
  } finally {
    await remote.close();
  }
}

/** Calls one after another, whoever asks. */
function inOrder() {
  let last: Promise<unknown> = Promise.resolve();
  return <T>(act: () => Promise<T>): Promise<T> => {
    const next = last.then(act, act);
    last = next.catch(() => undefined);
    return next;
  };
}

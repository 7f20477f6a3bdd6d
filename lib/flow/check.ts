import { asCoffreError } from '../model/error.ts';
import { type CheckOrder, type Condition, type HostCheck, HostChecked } from '../model/host-check.ts';
import type { HostConfig, Inventory } from '../model/inventory.ts';
import { otherFolders } from '../storage/other-folders.ts';
import type { Clock } from '../system/clock.ts';
import { atMost } from './at-most.ts';
import { checkHost } from './check-host.ts';
import { onRecord } from './check-on-record.ts';
import type { Login } from './login.ts';
import type { ReleaseShelf } from './release-shelf.ts';
import { openRemoteHost, type RemoteHost } from './remote-host.ts';
import { sliceOf } from './slice-of.ts';
import { type Probe, tryConditions, untried } from './try-conditions.ts';

export interface CheckWish {
  /** How long one condition may take. */
  readonly limitMs: number;
  /** Hosts at a time. */
  readonly parallel: number;
  /** Whether it is asked on the host itself, which has neither other hosts nor the keys of those who drill. */
  readonly here: boolean;
  /** The audit repository, instead of the one that the inventory names. */
  readonly repository: string | undefined;
}

export interface CheckContext {
  readonly inventory: Inventory;
  readonly login: Login;
  readonly releases: () => ReleaseShelf;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** As many time limits a host gets for all that it looks at. */
const HOST_LIMITS = 5;
const AGENT = { check: 'agent', says: 'the agent there is that of this checkout', severity: 'warning' } as const;
const ITSELF = { check: 'host', says: 'what it says of itself' } as const;
const DRILL = { check: 'drill', says: 'a drill has proven of late that it can be restored' } as const;

/**
 * Tries for each host every condition under which it has whole backups, several hosts at a time. What keeps one from being looked
 * at is a condition of its own, and keeps no other from it. Throws only `interrupted`.
 */
export async function check(
  hosts: readonly HostConfig[],
  wish: CheckWish,
  context: CheckContext,
): Promise<readonly HostCheck[]> {
  const recorded = onRecord({ ...context, ...wish });
  const checks = new Map<string, HostCheck>();
  await atMost(wish.parallel, hosts, async (host) => {
    const record = wish.here
      ? [untried(DRILL, 'a host cannot vouch for those who drill it: ask from control')]
      : recorded(host);
    const [own, known] = await Promise.all([ownConditions(host, wish, context), record]);
    checks.set(host.name, { host: host.name, conditions: [...own, ...known] });
  });
  context.signal.throwIfAborted();
  return hosts.flatMap(({ name }) => checks.get(name) ?? []);
}

async function ownConditions(host: HostConfig, wish: CheckWish, context: CheckContext): Promise<readonly Condition[]> {
  const { clock, signal } = context;
  const order = orderFor(host, wish, context);
  // Without a way to log in it is this machine that is meant, as by every other task.
  if (wish.here || !host.ssh) return (await checkHost({ ...order, controlTimeMs: null }, { clock, signal })).conditions;
  return await checkByAgent(host, order, context);
}

function orderFor(host: HostConfig, { limitMs }: CheckWish, { inventory, clock }: CheckContext): CheckOrder {
  const hosts = [...inventory.hosts.values()];
  return {
    slice: sliceOf(host, inventory),
    otherFolders: Object.fromEntries(host.offsite.map((offsite) => [offsite.name, [...otherFolders(hosts, offsite)]])),
    controlTimeMs: clock.now().getTime(),
    limitMs,
  };
}

async function checkByAgent(
  host: HostConfig,
  order: CheckOrder,
  { login, releases, clock, signal }: CheckContext,
): Promise<readonly Condition[]> {
  const { limitMs } = order;
  const patience = AbortSignal.any([signal, AbortSignal.timeout(limitMs * HOST_LIMITS)]);
  let remote: RemoteHost | undefined;
  let opening: Promise<RemoteHost> | undefined;
  const reach: Probe = {
    check: 'reach',
    says: 'control reaches it by SSH, with the pinned host key, and may work there',
    late: 'host-unreachable',
    async look() {
      opening = openRemoteHost(host, login, patience);
      remote = await opening;
      const { user, access } = remote.facts;
      return {
        detail: `${host.ssh?.address} port ${host.ssh?.port}, as ${user}${access === 'sudo' ? ' with sudo' : ''}`,
      };
    },
  };
  const [reached, ...none] = await tryConditions([reach], { limitMs, signal });
  if (!reached || none.length > 0 || !remote || reached.outcome !== 'ok') {
    opening?.then((late) => late.close()).catch(() => undefined);
    return [...(reached ? [reached] : []), untried(ITSELF, 'what it depends on failed')];
  }
  const there = remote;
  try {
    const release = await releases().releaseFor(there.facts);
    const agent: Probe = {
      ...AGENT,
      async look() {
        if (there.facts.release === release.identity) return { detail: release.version };
        const text =
          there.facts.release === null ? `there is none, or not as it was released` : 'it is another release';
        return { fault: { text, hint: `bring it: npx zx tasks/provision.ts ${host.name}` } };
      },
    };
    let conditions: readonly Condition[] = [];
    const itself: Probe = {
      ...ITSELF,
      late: 'host-unreachable',
      async look() {
        const sent = { ...order, controlTimeMs: clock.now().getTime() };
        const errand = {
          name: host.name,
          words: ['check', '--attended'] as const,
          order: sent,
          data: HostChecked,
          afterBreak: 'run it again: it changes nothing',
        };
        conditions = (await there.run(errand, release, () => undefined)).conditions;
        return {};
      },
    };
    const [known, asked] = await tryConditions([agent, itself], { limitMs: limitMs * HOST_LIMITS, signal });
    return [reached, ...(known ? [known] : []), ...(conditions.length > 0 || !asked ? conditions : [asked])];
  } catch (error) {
    signal.throwIfAborted();
    const failure = asCoffreError(error);
    const fault: Probe = { ...AGENT, look: () => Promise.reject(failure) };
    return [
      reached,
      ...(await tryConditions([fault], { limitMs, signal })),
      untried(ITSELF, 'what it depends on failed'),
    ];
  } finally {
    await there.close();
  }
}

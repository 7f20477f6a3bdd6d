import { primaryAccountOrder } from '../database/replicated-account.ts';
import { hostTimeZone } from '../host/host-time-zone.ts';
import { rollbackResource } from '../host/rollback.ts';
import type { Converged, ConvergeOrder } from '../model/converge-order.ts';
import type { Emit } from '../model/event.ts';
import type { Change, Resource } from '../model/plan.ts';
import { type ConvergeDoor, convergeResources, type Failure } from './converge-resources.ts';
import { hostProofs } from './host-proofs.ts';
import { hostRemarks, passingRemarks } from './host-remarks.ts';
import { hostResources } from './host-resources.ts';
import { type HostKeys, readKeysOnRecord } from './keys-on-record.ts';
import { lookAtFarEnds } from './look-at-far-ends.ts';
import { ownKeys } from './own-keys.ts';
import { recordProvision } from './record-provision.ts';

export interface ConvergeContext extends ConvergeDoor {
  /** The folder of the release that runs this, which is what is installed; undefined when the sources run. */
  readonly release: string | undefined;
  /** What the host has to have; by the order if absent. */
  readonly resources?: readonly Resource[];
}

/**
 * On the host: converges it to the order, tries then what a backup does, and puts on record what was changed. Throws what
 * `convergeResources` throws.
 */
export async function converge(order: ConvergeOrder, context: ConvergeContext): Promise<Converged> {
  const { host } = order.slice;
  const { clock, emit } = context;
  if (order.farEnds) return await lookAround(order, context);
  const began = clock.now();
  let before: HostKeys | undefined;
  const convergence = {
    ...{ name: host.name, settingsFolder: host.settings.path, apply: order.apply },
    resources: async () => {
      // What keeps it from being read keeps the plan from being carried out, and says so there.
      before = order.apply ? await readKeysOnRecord(host).catch(() => undefined) : undefined;
      return context.resources ?? (await resourcesFor(order, context));
    },
    remarks: () => hostRemarks(order, clock),
    passing: (changes: readonly Change[]) => passingRemarks(order, changes),
    before: (change: Change) => askPrimary(change, order, emit),
    failed: ({ applied, ...failed }: Failure) => recordProvision(order, { began, applied, before, failed }, context),
  };
  return await convergeResources(convergence, context, async ({ plan, applied, remarks }) => {
    if (order.apply) await recordProvision(order, { began, applied, before }, context);
    const proofs = order.apply ? [...(await hostProofs(order))] : [];
    return {
      ...{ plan, applied: [...applied], ...(await ownKeys(host)), proofs },
      ...{ remarks: [...remarks], farEnds: [] },
    };
  });
}

async function lookAround(order: ConvergeOrder, context: ConvergeContext): Promise<Converged> {
  const { host } = order.slice;
  const plan = { host: host.name, changes: [], remarks: [] };
  const farEnds = [...(await lookAtFarEnds(order, context))];
  return { plan, applied: [], ...(await ownKeys(host)), proofs: [], remarks: [], farEnds };
}

async function resourcesFor(order: ConvergeOrder, { release }: ConvergeContext): Promise<readonly Resource[]> {
  if (order.desired === 'previous-release') return [rollbackResource(order.slice.host.agent.path)];
  return await hostResources(order, { release, zone: (await hostTimeZone()) ?? 'unknown' });
}

/** On a replica nothing is written: control hands the order to the primary, and replication brings what comes of it. */
async function askPrimary(
  { kind }: Change,
  { slice, desired, accountOrder }: ConvergeOrder,
  emit: Emit,
): Promise<void> {
  const { host } = slice;
  if (host.database.replicaOf === undefined || accountOrder) return;
  // The password is in the option file: that file comes before the account, and goes after it.
  if (kind !== (desired === 'absent' ? 'option-file' : 'account')) return;
  const order = await primaryAccountOrder(host, desired === 'absent' ? 'absent' : 'present');
  emit({ kind: 'account-order', subject: host.name, order });
}

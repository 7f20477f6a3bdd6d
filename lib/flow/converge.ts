import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { primaryAccountOrder } from '../database/replicated-account.ts';
import { hostTimeZone } from '../host/host-time-zone.ts';
import { rollbackResource } from '../host/rollback.ts';
import type { Converged, ConvergeOrder } from '../model/converge-order.ts';
import { asCoffreError, CoffreError } from '../model/error.ts';
import type { Emit } from '../model/event.ts';
import type { Change, HostPlan, Remark, Resource } from '../model/plan.ts';
import type { Clock } from '../system/clock.ts';
import { sha256Of } from '../system/files.ts';
import { lockOrThrow } from '../system/lock.ts';
import { hostProofs } from './host-proofs.ts';
import { hostRemarks, passingRemarks } from './host-remarks.ts';
import { hostResources } from './host-resources.ts';
import { lookAtFarEnds } from './look-at-far-ends.ts';
import { ownKeys } from './own-keys.ts';

export interface ConvergeContext {
  /** The folder of the release that runs this, which is what is installed; undefined when the sources run. */
  readonly release: string | undefined;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly signal: AbortSignal;
  /** What the host has to have; by the order if absent. */
  readonly resources?: readonly Resource[];
}

interface Step {
  readonly resource: Resource;
  readonly change: Change;
}

/**
 * On the host: looks at everything that the order asks for, tells the plan, and carries it out where that is ordered. Each
 * resource is looked at once more after it was changed. A host that fails in the middle is finished by the next run.
 *
 * Throws `locked` while another one is at it, and of what must not be touched all findings at once, before the first change.
 */
export async function converge(order: ConvergeOrder, context: ConvergeContext): Promise<Converged> {
  const { host } = order.slice;
  const { clock } = context;
  if (order.farEnds) return await lookAround(order, context);
  const doing = `provision ${host.name}`;
  const since = clock.now().toISOString();
  const lock = order.apply ? await lockOrThrow(convergeLock(host.settings.path), { doing, since }) : undefined;
  try {
    const resources = context.resources ?? (await resourcesFor(order, context));
    let steps = await planSteps(resources, host.name);
    const applied: Change[] = [];
    let { plan, passing } = await tell(steps, order, context);
    if (order.apply) {
      // What a program answers can be planned only when the program is there.
      const packages = steps.filter(({ change }) => change.kind === 'package');
      for (const step of packages) applied.push(await carryOut(step, order, context));
      if (packages.length > 0) {
        steps = await planSteps(resources, host.name);
        ({ plan, passing } = await tell(steps, order, context));
      }
      for (const step of steps) applied.push(await carryOut(step, order, context));
    }
    const proofs = order.apply ? [...(await hostProofs(order))] : [];
    const remarks = order.apply ? [...(await hostRemarks(order, clock)), ...passing] : plan.remarks;
    return {
      plan: { ...plan, changes: order.apply ? applied : plan.changes },
      applied,
      ...(await ownKeys(host)),
      proofs,
      remarks,
      farEnds: [],
    };
  } finally {
    await lock?.release();
  }
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

interface Told {
  readonly plan: HostPlan;
  /** Those of its remarks that can only be told now: the plan, once carried out, takes what tells them away. */
  readonly passing: readonly Remark[];
}

async function tell(steps: readonly Step[], order: ConvergeOrder, { clock, emit }: ConvergeContext): Promise<Told> {
  const { name } = order.slice.host;
  const changes = steps.map(({ change }) => change);
  const passing = await passingRemarks(order, changes);
  const plan = { host: name, changes, remarks: [...(await hostRemarks(order, clock)), ...passing] };
  emit({ kind: 'plan', subject: name, plan });
  return { plan, passing };
}

/**
 * Every look is taken whatever the others have found, so that an operator hears of all obstacles at once. That a program is
 * missing is none while the plan brings programs.
 */
async function planSteps(resources: readonly Resource[], host: string): Promise<Step[]> {
  const steps: Step[] = [];
  const obstacles: CoffreError[] = [];
  for (const resource of resources) {
    try {
      const change = await resource.inspect();
      if (change) steps.push({ resource, change });
    } catch (error) {
      obstacles.push(asCoffreError(error));
    }
  }
  const bringsPrograms = steps.some(({ change }) => change.kind === 'package');
  const real = obstacles.filter(({ code }) => !(bringsPrograms && code === 'program-missing'));
  const [first, ...others] = real;
  if (!first) return steps;
  if (others.length === 0) throw first;
  const message = `cannot provision ${host}: ${real.length} obstacles, the first: ${first.message}`;
  throw new CoffreError(first.code, message, {
    ...(first.hint === undefined ? {} : { hint: first.hint }),
    findings: real.flatMap(({ message, hint, findings }) => [
      `${message}${hint === undefined ? '' : ` (hint: ${hint})`}`,
      ...findings,
    ]),
  });
}

async function carryOut({ resource, change }: Step, order: ConvergeOrder, context: ConvergeContext): Promise<Change> {
  const { emit, signal } = context;
  signal.throwIfAborted();
  const phase = change.action;
  const subject = `${resource.kind} ${resource.name}`;
  emit({ kind: 'phase-started', phase, subject });
  const from = performance.now();
  await askPrimary(change, order, emit);
  await resource.apply(change);
  const left = await resource.inspect();
  if (left) {
    throw new CoffreError('unexpected', `cannot ${phase} ${subject}: it is not as it should be afterwards`, {
      hint: 'look at who else writes it, then run it again',
      findings: left.lines,
    });
  }
  emit({ kind: 'phase-ended', phase, subject, durationMs: Math.round(performance.now() - from) });
  return change;
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

/** One lock a host: outside of what is about to be made, or taken away. */
function convergeLock(settingsFolder: string): string {
  const folder = process.getuid?.() === 0 ? '/run' : tmpdir();
  return join(folder, `coffre-provision-${sha256Of(settingsFolder).slice(0, 16)}.lock`);
}

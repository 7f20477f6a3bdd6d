import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Converged, ConvergeOrder } from '../model/converge-order.ts';
import { asCoffreError, CoffreError } from '../model/error.ts';
import type { Emit } from '../model/event.ts';
import type { Change, Remark, Resource } from '../model/plan.ts';
import type { Clock } from '../system/clock.ts';
import { sha256Of } from '../system/files.ts';
import { lockOrThrow } from '../system/lock.ts';
import { type HostState, hostState } from './host-state.ts';

export interface ConvergeContext {
  /** The folder of the release that runs this: what is installed. */
  readonly release: string;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

interface Step {
  readonly resource: Resource;
  readonly change: Change;
}

/**
 * On the host: looks at everything that the slice asks for, tells the plan, and carries it out where that is ordered. Each
 * resource is looked at once more after it was changed. A host that fails in the middle is finished by the next run.
 *
 * Throws `locked` while another one is at it, and of what must not be touched all findings at once, before the first change.
 */
export async function converge(order: ConvergeOrder, context: ConvergeContext): Promise<Converged> {
  const { host } = order.slice;
  const lock = order.apply
    ? await lockOrThrow(lockPath(host.settings.path), {
        doing: `provision ${host.name}`,
        since: context.clock.now().toISOString(),
      })
    : undefined;
  try {
    const state = await hostState(order, context);
    const steps = await planSteps(state.resources, host.name);
    const remarks: readonly Remark[] = await state.remarks();
    const plan = { host: host.name, changes: steps.map(({ change }) => change), remarks: [...remarks] };
    context.emit({ kind: 'plan', subject: host.name, plan });
    if (order.apply) for (const step of steps) await carryOut(step, context);
    return { plan, applied: order.apply ? plan.changes : [], ...(await facts(state, order.apply)) };
  } finally {
    await lock?.release();
  }
}

async function facts(state: HostState, applied: boolean) {
  const [identities, signingKey] = [await state.identities(), await state.signingKey()];
  return {
    identities,
    signingKey,
    proofs: applied ? await state.proofs() : [],
    remarks: applied ? await state.remarks() : [],
  };
}

/** Every look is taken whatever the others have found, so that an operator hears of all obstacles at once. */
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
  const [first, ...others] = obstacles;
  if (!first) return steps;
  if (others.length === 0) throw first;
  throw new CoffreError(
    first.code,
    `cannot provision ${host}: ${obstacles.length} obstacles, the first: ${first.message}`,
    {
      ...(first.hint === undefined ? {} : { hint: first.hint }),
      findings: obstacles.flatMap(({ message, hint, findings }) => [
        `${message}${hint === undefined ? '' : ` (hint: ${hint})`}`,
        ...findings,
      ]),
    },
  );
}

async function carryOut({ resource, change }: Step, { emit, signal }: ConvergeContext): Promise<void> {
  signal.throwIfAborted();
  const phase = change.action;
  const subject = `${resource.kind} ${resource.name}`;
  emit({ kind: 'phase-started', phase, subject });
  const from = performance.now();
  await resource.apply(change);
  const left = await resource.inspect();
  if (left) {
    throw new CoffreError('unexpected', `cannot ${phase} ${subject}: it is not as it should be afterwards`, {
      hint: 'look at who else writes it, then run it again',
      findings: left.lines,
    });
  }
  emit({ kind: 'phase-ended', phase, subject, durationMs: Math.round(performance.now() - from) });
}

/** One lock a host, wherever its state is, and gone with the machine's next start. */
function lockPath(settingsFolder: string): string {
  const folder = process.getuid?.() === 0 ? '/run' : tmpdir();
  return join(folder, `coffre-provision-${sha256Of(settingsFolder).slice(0, 16)}.lock`);
}

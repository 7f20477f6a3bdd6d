import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asCoffreError, CoffreError } from '../model/error.ts';
import type { Emit } from '../model/event.ts';
import type { HostName } from '../model/names.ts';
import type { Change, HostPlan, Remark, Resource } from '../model/plan.ts';
import type { Clock } from '../system/clock.ts';
import { sha256Of } from '../system/files.ts';
import { lockOrThrow } from '../system/lock.ts';

/** What a machine has to have, whichever its role. */
export interface Convergence {
  readonly name: HostName;
  /** By this folder two who converge the same machine in the same role know each other. */
  readonly settingsFolder: string;
  /** Whether the plan is carried out, or only told. */
  readonly apply: boolean;
  resources(): Promise<readonly Resource[]>;
  /** What cannot be mended from here, as it is now. */
  remarks(): Promise<readonly Remark[]>;
  /** Those that can only be told now: the plan, once carried out, takes what tells them away. */
  passing(changes: readonly Change[]): Promise<readonly Remark[]>;
  /** Called before each change. */
  before(change: Change): Promise<void>;
  /** Called when it fails after the first change was begun, while nobody else can begin. MUST NOT throw. */
  failed(failure: Failure): Promise<void>;
}

/** A convergence that came to no end. */
export interface Failure {
  /** What was carried out before. */
  readonly applied: readonly Change[];
  /** What it failed at; null where it was between two changes. */
  readonly at: Change | null;
  readonly error: CoffreError;
}

export interface ConvergeDoor {
  readonly clock: Clock;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

/** What was planned, with what was carried out of it in the place of what was to be, and remarks as they are in the end. */
export interface Done {
  readonly plan: HostPlan;
  readonly applied: readonly Change[];
  readonly remarks: readonly Remark[];
}

interface Step {
  readonly resource: Resource;
  readonly change: Change;
}

/**
 * Looks at everything that a machine has to have, tells the plan, and carries it out where that is wanted. Each resource is
 * looked at once more after it was changed. A machine that fails in the middle is finished by the next run. `conclude` has
 * its turn while nobody else can begin.
 *
 * Throws `locked` while another one is at it, and of what must not be touched all findings at once, before the first change.
 */
export async function convergeResources<Result>(
  convergence: Convergence,
  door: ConvergeDoor,
  conclude: (done: Done) => Promise<Result>,
): Promise<Result> {
  const { name, apply, settingsFolder } = convergence;
  const since = door.clock.now().toISOString();
  const doing = `provision ${name}`;
  const lock = apply ? await lockOrThrow(convergeLock(settingsFolder), { doing, since }) : undefined;
  try {
    const resources = await convergence.resources();
    let steps = await planSteps(resources, name);
    const applied: Change[] = [];
    let { plan, passing } = await tell(steps, convergence, door);
    if (!apply) return await conclude({ plan, applied, remarks: plan.remarks });
    // What a program answers can be planned only when the program is there.
    const packages = steps.filter(({ change }) => change.kind === 'package');
    let at: Change | null = null;
    const carryOutAll = async (all: readonly Step[]) => {
      for (const step of all) {
        at = step.change;
        applied.push(await carryOut(step, convergence, door));
        at = null;
      }
    };
    try {
      await carryOutAll(packages);
      if (packages.length > 0) {
        steps = await planSteps(resources, name);
        ({ plan, passing } = await tell(steps, convergence, door));
      }
      await carryOutAll(steps);
    } catch (error) {
      await convergence.failed({ applied, at, error: asCoffreError(error) });
      throw error;
    }
    const remarks = [...(await convergence.remarks()), ...passing];
    return await conclude({ plan: { ...plan, changes: applied }, applied, remarks });
  } finally {
    await lock?.release();
  }
}

async function tell(
  steps: readonly Step[],
  convergence: Convergence,
  { emit }: ConvergeDoor,
): Promise<{ readonly plan: HostPlan; readonly passing: readonly Remark[] }> {
  const { name } = convergence;
  const changes = steps.map(({ change }) => change);
  const passing = await convergence.passing(changes);
  const plan = { host: name, changes, remarks: [...(await convergence.remarks()), ...passing] };
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

async function carryOut(
  { resource, change }: Step,
  convergence: Convergence,
  { emit, signal }: ConvergeDoor,
): Promise<Change> {
  signal.throwIfAborted();
  const phase = change.action;
  const subject = `${resource.kind} ${resource.name}`;
  emit({ kind: 'phase-started', phase, subject });
  const from = performance.now();
  await convergence.before(change);
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

/** One lock a machine and role: outside of what is about to be made, or taken away. */
function convergeLock(settingsFolder: string): string {
  const folder = process.getuid?.() === 0 ? '/run' : tmpdir();
  return join(folder, `coffre-provision-${sha256Of(settingsFolder).slice(0, 16)}.lock`);
}

import { rm } from 'node:fs/promises';
import { CoffreError } from '../../lib/model/error.ts';
import type { Ended } from '../../lib/system/command.ts';
import { readIfPresent } from '../../lib/system/files.ts';
import { readProcess } from '../../lib/system/process-record.ts';
import { type EnterOptions, enter, initPidOf } from './enter.ts';
import { leaveMachine, type Slowness, setLine, shapeLine, unplug } from './lab-network.ts';
import { hostOf, type LabHost, type LabPlan, pathsOf } from './lab-plan.ts';
import { killRecorded } from './lab-process.ts';
import { startHost } from './start-host.ts';

/** Hosts that are up, and the ways to do something to them from the machine. Every call names a host. */
export interface Lab {
  readonly plan: LabPlan;
  readonly hosts: readonly LabHost[];
  host(name: string): LabHost;
  /** The private key that root, the operators and git of every host accept; a customer of the contractor has one of its own. */
  identityPath(user?: string): string;
  /** Runs a program as root inside, without the network. Never throws for an exit code. */
  run(name: string, words: readonly string[], options?: EnterOptions): Promise<Ended>;
  isRunning(name: string): Promise<boolean>;
  /** Pulls the cable. */
  cut(name: string): Promise<void>;
  /** Puts the cable in again, and takes away what `slow` set. */
  mend(name: string): Promise<void>;
  slow(name: string, slowness: Slowness): Promise<void>;
  /** SIGKILL for every process at once. What was written stays in the machine's page cache, which a power cut would lose. */
  kill(name: string): Promise<void>;
  /** Boots again on the same disk, after `kill`. */
  start(name: string): Promise<void>;
  /** Ends everything and removes everything. */
  down(): Promise<void>;
}

/** A lab that is up, whichever process started it. Throws `not-found` when there is none in `folder`. */
export async function openLab(folder: string): Promise<Lab> {
  const plan = await readIfPresent(pathsOf(folder).plan);
  if (plan && (await readProcess(pathsOf(folder).holder))) return labOf(JSON.parse(plan.toString('utf8')));
  throw new CoffreError('not-found', `cannot find a lab in ${folder}`, { hint: 'start one: npm run lab -- up' });
}

/** Ends the lab of `folder` and removes what it left there, also after a crash of whoever started it. */
export async function downLab(folder: string): Promise<void> {
  const paths = pathsOf(folder);
  const plan = await readIfPresent(paths.plan);
  const wasUp = await killRecorded(paths.holder);
  // By the record alone the name might belong to another lab by now.
  if (plan && wasUp) await leaveMachine((JSON.parse(plan.toString('utf8')) as LabPlan).link);
  for (const path of [paths.hosts, paths.control, paths.plan, paths.holder])
    await rm(path, { recursive: true, force: true });
}

export function labOf(plan: LabPlan): Lab {
  const { folder } = plan;
  const paths = pathsOf(folder);
  const initOf = (name: string) => initPidOf(folder, name);
  const holder = async () => {
    const record = await readProcess(paths.holder);
    if (record) return record.pid;
    throw new CoffreError('not-found', `cannot find the lab of ${folder}: it has ended`);
  };
  const numberOf = (name: string) => hostOf(plan, name).number;
  const lab: Lab = {
    plan,
    hosts: plan.hosts,
    host: (name) => hostOf(plan, name),
    identityPath: (user) => paths.identity(user),
    run: (name, words, options) => enter(folder, hostOf(plan, name).name, words, options),
    isRunning: async (name) => (await readProcess(paths.init(hostOf(plan, name).name))) !== undefined,
    cut: async (name) => setLine(await holder(), numberOf(name), 'down'),
    async mend(name) {
      await setLine(await holder(), numberOf(name), 'up');
      await shapeLine(await holder(), await initOf(name), numberOf(name), {});
    },
    slow: async (name, slowness) => shapeLine(await holder(), await initOf(name), numberOf(name), slowness),
    async kill(name) {
      await killRecorded(paths.init(hostOf(plan, name).name));
      await unplug(await holder(), numberOf(name));
    },
    async start(name) {
      if (await lab.isRunning(name))
        throw new CoffreError('refused', `cannot start the lab host ${name}: it is running`);
      await startHost(plan, await holder(), hostOf(plan, name), false);
    },
    down: () => downLab(folder),
  };
  return lab;
}

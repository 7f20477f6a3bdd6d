import { mkdir } from 'node:fs/promises';
import { CoffreError } from '../../lib/model/error.ts';
import { readRequired, writeDurably } from '../../lib/system/files.ts';
import { enter } from './enter.ts';
import { hideMachine } from './hide-machine.ts';
import { downLab, type Lab, labOf } from './lab.ts';
import { makeControl, prepareHost, writeHostsFile } from './lab-hosts.ts';
import { joinMachine } from './lab-network.ts';
import { type LabHostSpec, type LabPlan, pathsOf } from './lab-plan.ts';
import { bootHost, killRecorded, startHolder } from './lab-process.ts';
import { settleHost, startHost } from './start-host.ts';

export interface LabOptions {
  /** Made if absent, on a file system that can carry an overlay; takes all that the lab writes. */
  readonly folder: string;
  readonly hosts: readonly LabHostSpec[];
  /** Whether the lab outlives this process. If not, it ends with it, even by SIGKILL. */
  readonly keep?: boolean;
  /** Told what is done, for a person who waits. */
  say?(text: string): void;
}

const FIRST_NUMBER = 11;

/**
 * Starts hosts of their own on this machine. Needs what `whyNoLab` looks for. What a lab that crashed left in `folder`
 * is removed first. Throws `unexpected` when a service does not come up; nothing is left then.
 */
export async function startLab({ folder, hosts: specs, keep = false, say }: LabOptions): Promise<Lab> {
  const tell = say ?? (() => undefined);
  await downLab(folder);
  await mkdir(folder, { recursive: true, mode: 0o755 });
  try {
    const holder = await startHolder(folder);
    const needsDatabase = specs.some(({ roles }) => roles?.includes('database'));
    tell('making the template of the hosts');
    const [{ link, prefix }] = await Promise.all([
      joinMachine(holder.pid),
      makeTemplate(folder, holder.pid, needsDatabase),
      makeControl(folder),
    ]);
    const hosts = await Promise.all(
      specs.map((spec, at) => prepareHost(folder, spec, FIRST_NUMBER + at, `${prefix}.${FIRST_NUMBER + at}`)),
    );
    const plan: LabPlan = { folder, link, network: `${prefix}.0/24`, controlAddress: `${prefix}.1`, hosts };
    await writeHostsFile(folder, hosts, plan.controlAddress);
    await writeDurably(pathsOf(folder).plan, `${JSON.stringify(plan, undefined, 2)}\n`);
    tell(`starting ${hosts.map(({ name }) => name).join(', ')}`);
    await Promise.all(hosts.map((host) => startHost(plan, holder.pid, host, true)));
    tell('tying them together');
    await Promise.all(hosts.map((host) => settleHost(plan, host)));
    if (keep) await holder.keep();
    return labOf(plan);
  } catch (error) {
    await downLab(folder);
    throw error;
  }
}

/** The upper layer that every host of the lab begins with: made by a host that lives for a second. */
async function makeTemplate(folder: string, holderPid: number, needsDatabase: boolean): Promise<void> {
  const name = 'template';
  const paths = pathsOf(folder);
  await hideMachine(paths.upper(name));
  await bootHost(folder, holderPid, name);
  const dress = await readRequired(new URL('dress-template.sh', import.meta.url).pathname);
  const words = ['sh', '-s', needsDatabase ? 'database' : 'no-database'];
  const { exitCode, stderr } = await enter(folder, name, words, { input: dress });
  if (exitCode !== 0)
    throw new CoffreError('unexpected', `cannot make the template of the lab's hosts: ${stderr.trim().slice(-500)}`);
  await killRecorded(paths.init(name));
}

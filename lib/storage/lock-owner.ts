import { randomBytes } from 'node:crypto';
import { readlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import * as z from 'zod';
import { CoffreError } from '../model/error.ts';
import { readIfPresent } from '../system/files.ts';
import { describeProcess, isRunning } from '../system/process-record.ts';

/** Who holds the lock of a store, as every host of its volume can read it there. */
export const LockOwner = z.strictObject({
  /** Of this one lock: whoever takes another one away sees by it that it is another. */
  nonce: z.string(),
  /** By the inventory. */
  host: z.string(),
  /** What the machine calls itself, and /etc/machine-id where it has one. */
  hostname: z.string(),
  machine: z.string(),
  bootId: z.string(),
  pidNamespace: z.string(),
  pid: z.int(),
  startTicks: z.string(),
  /** The state folder of the host, whose own lock its process holds beside this one. */
  state: z.string(),
  doing: z.string(),
  /** RFC 3339, by the clock of that machine. */
  since: z.string(),
  /** Sign of life: one more every few seconds, and when that was by the clock of that machine. */
  beat: z.int(),
  beatAt: z.string(),
});
export type LockOwner = z.infer<typeof LockOwner>;

export interface LockPurpose {
  readonly host: string;
  readonly state: string;
  readonly doing: string;
  /** RFC 3339. */
  readonly since: string;
}

/** This process as the owner of a lock. */
export async function describeOwner({ host, state, doing, since }: LockPurpose): Promise<LockOwner> {
  const own = await describeProcess(process.pid);
  if (!own) throw new CoffreError('unexpected', 'cannot describe this process: /proc has nothing of it');
  const machine = (await readIfPresent('/etc/machine-id'))?.toString('utf8').trim() ?? '';
  const pidNamespace = await readlink('/proc/self/ns/pid').catch(() => 'unknown');
  const nonce = randomBytes(8).toString('hex');
  return {
    nonce,
    host,
    hostname: hostname(),
    machine,
    pidNamespace,
    ...own,
    state,
    doing,
    since,
    beat: 0,
    beatAt: since,
  };
}

/**
 * Whether the process that took a lock is certainly over. `own` holds the lock of its state folder. false where it
 * runs, and where nobody can tell from here, as of another machine.
 */
export async function isOver(owner: LockOwner, own: LockOwner): Promise<boolean> {
  if (owner.hostname !== own.hostname || owner.machine !== own.machine) return false;
  if (owner.bootId !== own.bootId) return true;
  if (owner.pidNamespace === own.pidNamespace) return !(await isRunning(owner));
  // Processes of another container do not show here. But of one host and one state folder only one is at work at a time.
  return owner.host === own.host && owner.state === own.state;
}

/** For a sentence: who, doing what, since when, and when it last gave a sign of life. */
export function describeHolder({ host, hostname: machine, pid, doing, since, beatAt }: LockOwner): string {
  return `the host ${host} (process ${pid} on ${machine}, ${doing}, since ${since}, last sign of life ${beatAt})`;
}

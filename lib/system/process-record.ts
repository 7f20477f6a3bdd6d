import { readFile } from 'node:fs/promises';
import * as z from 'zod';
import { CoffreError } from '../model/error.ts';
import { sleep } from './clock.ts';
import { readIfPresent, removeDurably, writeDurably } from './files.ts';

/** A process and the moment it began: process ids are used again, the pair of the two is not. */
const ProcessRecord = z.strictObject({
  pid: z.int().min(2),
  /** Clock ticks from the boot of the machine to the start. Source: proc(5), field 22 of /proc/<pid>/stat. */
  startTicks: z.string().regex(/^\d+$/),
  bootId: z.string(),
});
export type ProcessRecord = z.infer<typeof ProcessRecord>;

/** Writes down a process that was just started, so that a later command can end that very one. */
export async function recordProcess(path: string, pid: number): Promise<ProcessRecord> {
  const record = await describeProcess(pid);
  if (!record) throw new CoffreError('unexpected', `cannot record process ${pid}: it has ended`);
  await writeDurably(path, `${JSON.stringify(record)}\n`, 0o600);
  return record;
}

/** undefined when there is no such process. */
export async function describeProcess(pid: number): Promise<ProcessRecord | undefined> {
  const startTicks = await startTicksOf(pid);
  return startTicks === undefined ? undefined : { pid, startTicks, bootId: await bootId() };
}

/** The recorded process while it runs; undefined when it has ended or was never recorded. */
export async function readProcess(path: string): Promise<ProcessRecord | undefined> {
  const content = await readIfPresent(path);
  const record = content && ProcessRecord.safeParse(jsonOf(content.toString('utf8'))).data;
  return record && (await isRunning(record)) ? record : undefined;
}

export async function isRunning({ pid, startTicks, bootId: boot }: ProcessRecord): Promise<boolean> {
  return boot === (await bootId()) && startTicks === (await startTicksOf(pid));
}

/** Ends this process and no other: SIGTERM, and SIGKILL after `patienceMs`. Waits until it is gone. */
export async function endProcess(record: ProcessRecord, patienceMs = 10_000): Promise<void> {
  for (let waitedMs = 0; await isRunning(record); waitedMs += 50) {
    if (waitedMs === 0) signal(record.pid, 'SIGTERM');
    else if (waitedMs >= patienceMs) signal(record.pid, 'SIGKILL');
    await sleep(50);
  }
}

/** Ends the recorded process and removes the record. Returns whether there was one to end. */
export async function endRecordedProcess(path: string, patienceMs?: number): Promise<boolean> {
  const record = await readProcess(path);
  if (record) await endProcess(record, patienceMs);
  await removeDurably(path);
  return record !== undefined;
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // it ended between the look and the signal
  }
}

/** undefined when there is no such process, or only what is left of one that its parent has not asked about. */
async function startTicksOf(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const [state, ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return state === 'Z' ? undefined : rest[18];
}

async function bootId(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => 'unknown')).trim();
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

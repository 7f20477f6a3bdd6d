import { readdir, readFile, writeFile } from 'node:fs/promises';
import { getPriority, setPriority } from 'node:os';
import { errnoOf } from '../model/error.ts';
import { run } from './command.ts';
import { findProgram } from './programs.ts';

/** How far behind others a process stands. */
export interface ProcessPriority {
  /** As nice(1) counts, 0 to 19. */
  readonly nice: number;
  /** `best-effort`: the last of eight levels in the class that everybody is in; `idle`: only while nobody else asks. */
  readonly io: 'normal' | 'best-effort' | 'idle';
}

const IO_WORDS = { 'best-effort': ['-c', '2', '-n', '7'], idle: ['-c', '3'] } as const;

/**
 * Lowers the priority of this process, of the programs of its session that it has started, and of all that it starts from
 * now on; never raises it. What it has started to outlive it, such as a server, leads a session of its own, and is left
 * alone. Returns what could not be lowered, a sentence each: nothing here is worth a run.
 *
 * Linux keeps both priorities for each thread: those that read and write files for Node, and compress, are there before
 * the first line of a task is. Sources: setpriority(2), ioprio_set(2), and sched(7) about autogroups.
 */
export async function lowerPriority({ nice, io }: ProcessPriority): Promise<readonly string[]> {
  const own = (await readdir('/proc/self/task')).map(Number);
  const ofThis = [...lowerNice(own, nice), await lowerAutogroup(nice), await lowerIo(own, io)];
  // Only now, so that a program which is started meanwhile has its priority either from this process or from here.
  const started = await threadsBelow(process.pid, (await readStat('self')).session);
  const ofStarted = [...lowerNice(started, nice), await lowerIo(started, io)];
  return [...new Set([...ofThis, ...ofStarted])].filter((sentence) => sentence !== undefined);
}

/** The threads of all programs of the session that a process has started, and that those have. */
async function threadsBelow(pid: number, session: number): Promise<readonly number[]> {
  const children: number[] = [];
  for (const thread of await threadsOf(pid)) {
    const text = await readFile(`/proc/${pid}/task/${thread}/children`, 'latin1').catch(() => '');
    children.push(...(text.match(/\d+/g) ?? []).map(Number));
  }
  const threads: number[] = [];
  for (const child of children) {
    const stat = await readStat(child).catch(() => undefined);
    if (stat?.session === session) threads.push(...(await threadsOf(child)), ...(await threadsBelow(child, session)));
  }
  return threads;
}

/** None for a process that has ended. */
async function threadsOf(pid: number): Promise<readonly number[]> {
  return (await readdir(`/proc/${pid}/task`).catch(() => [])).map(Number);
}

interface ProcessStat {
  readonly parent: number;
  readonly session: number;
  /** 0 for none. */
  readonly terminal: number;
}

async function readStat(pid: number | 'self'): Promise<ProcessStat> {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1');
  // Behind the name in brackets: state, parent, process group, session, terminal.
  const [, parent = 0, , session = 0, terminal = 0] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  return { parent, session, terminal };
}

function lowerNice(threads: readonly number[], nice: number): string[] {
  for (const thread of threads) {
    try {
      if (getPriority(thread) < nice) setPriority(thread, nice);
    } catch (error) {
      const { code, info } = error as { code?: string; info?: { code?: string } };
      if (info?.code === 'ESRCH') continue; // it has ended
      return [`cannot lower the priority of this process: ${info?.code ?? code}`];
    }
  }
  return [];
}

/**
 * Where the kernel shares the processor among sessions first (autogroups), niceness counts only within one. The session
 * of a nightly task has nothing else in it: it is lowered as a whole. A person's or a shell script's is left alone.
 */
async function lowerAutogroup(nice: number): Promise<string | undefined> {
  const file = '/proc/self/autogroup';
  const said = await readFile(file, 'utf8').catch(() => ''); // a kernel without them
  const current = /nice (-?\d+)/.exec(said)?.[1];
  if (current === undefined || Number(current) >= nice || !(await isOwnSession())) return undefined;
  return await writeFile(file, String(nice)).then(
    () => undefined,
    (error: unknown) => `cannot lower the priority of this session: ${errnoOf(error) ?? 'it was refused'}`,
  );
}

/** Whether this process, or the shell that cron has started it with, leads a session without a terminal. */
async function isOwnSession(): Promise<boolean> {
  const { parent, session, terminal } = await readStat('self');
  return terminal === 0 && (session === process.pid || session === parent);
}

async function lowerIo(threads: readonly number[], io: ProcessPriority['io']): Promise<string | undefined> {
  if (io === 'normal' || threads.length === 0) return undefined;
  const ionice = findProgram('ionice');
  if (ionice === undefined) return 'cannot lower the I/O priority of this process: there is no program ionice';
  const { stdout: current } = await run(ionice, ['-p', String(process.pid)], { timeoutMs: 10_000 });
  if (io === 'best-effort' && current.startsWith('idle')) return undefined; // that is lower still
  // A thread that has ended meanwhile is no failure (-t); one that is there tells whether it was allowed.
  await run(ionice, [...IO_WORDS[io], '-t', '-p', ...threads.map(String)], { timeoutMs: 10_000 });
  const { stdout: found } = await run(ionice, ['-p', String(process.pid)], { timeoutMs: 10_000 });
  if (found.startsWith(io)) return undefined;
  return 'cannot lower the I/O priority of this process: the system does not allow it';
}

import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { cleanEnvironment } from '../../lib/system/command.ts';
import { highWaterMark } from '../fixture/high-water-mark.ts';

/** What a program cost. */
export interface Timed {
  /** When it was started, by `performance.now()`. */
  readonly startedMs: number;
  readonly wallMs: number;
  /** Time of all cores of the machine that were not idle meanwhile, whoever used them: the server too, and the far end. */
  readonly busyMs: number;
  /** The most memory that the program itself held at any time (VmHWM of proc(5)), without its children. */
  readonly peakBytes: number;
}

export interface TimedOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Ends the program and all that it has started. */
  readonly signal?: AbortSignal | undefined;
}

const EVERY_MS = 25;
const STDERR_LIMIT = 4000;
/** USER_HZ, which has been 100 on every Linux for decades. */
const TICK_MS = 10;

/**
 * Runs a program with its standard output thrown away, and measures it. The kernel keeps the high-water mark of a
 * process, so that looking now and then misses at most what is gained in the last moments. Throws when it fails.
 */
export async function timed(program: string, args: readonly string[], options: TimedOptions = {}): Promise<Timed> {
  const { env, signal } = options;
  signal?.throwIfAborted();
  const busyFrom = await busyMs();
  const from = performance.now();
  // A group of its own: a pipeline's programs end together.
  const child = spawn(program, args, {
    detached: true,
    env: cleanEnvironment(env),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve);
  });
  const stop = () => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGTERM');
  };
  signal?.addEventListener('abort', stop, { once: true });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-STDERR_LIMIT);
  });
  let peakBytes = 0;
  const watch = setInterval(async () => {
    peakBytes = Math.max(peakBytes, await highWaterMark(child.pid));
  }, EVERY_MS);
  try {
    const exitCode = await ended;
    const wallMs = performance.now() - from;
    signal?.throwIfAborted();
    if (exitCode === 0) return { startedMs: from, wallMs, busyMs: (await busyMs()) - busyFrom, peakBytes };
    throw new Error(`cannot measure ${program} ${args.join(' ')}: exit code ${exitCode}\n${stderr.trim()}`);
  } finally {
    clearInterval(watch);
    signal?.removeEventListener('abort', stop);
  }
}

/** Since the machine was started. See proc(5), /proc/stat: user, nice, system, idle, iowait, irq, softirq. */
async function busyMs(): Promise<number> {
  const [, line = ''] = /^cpu +(.*)$/m.exec(await readFile('/proc/stat', 'utf8')) ?? [];
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = line.split(' ').map(Number);
  return (user + nice + system + irq + softirq) * TICK_MS;
}

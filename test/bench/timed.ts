import { spawn } from 'node:child_process';
import { cleanEnvironment } from '../../lib/system/command.ts';
import { highWaterMark } from '../fixture/high-water-mark.ts';

/** What a program cost. */
export interface Timed {
  readonly wallMs: number;
  /** The most memory that the program itself held at any time (VmHWM of proc(5)), without its children. */
  readonly peakBytes: number;
}

const EVERY_MS = 25;

/**
 * Runs a program with its standard output thrown away, and measures it. The kernel keeps the high-water mark of a
 * process, so that looking now and then misses at most what is gained in the last moments. Throws when it fails.
 */
export async function timed(program: string, args: readonly string[], cwd = process.cwd()): Promise<Timed> {
  const from = performance.now();
  const child = spawn(program, args, { cwd, env: cleanEnvironment(), stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  let peakBytes = 0;
  const watch = setInterval(async () => {
    peakBytes = Math.max(peakBytes, await highWaterMark(child.pid));
  }, EVERY_MS);
  try {
    const exitCode = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject).once('close', resolve);
    });
    const wallMs = performance.now() - from;
    if (exitCode === 0) return { wallMs, peakBytes };
    throw new Error(`cannot measure ${program} ${args.join(' ')}: exit code ${exitCode}\n${stderr}`);
  } finally {
    clearInterval(watch);
  }
}

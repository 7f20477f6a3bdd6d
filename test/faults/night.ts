import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { sleep } from '../../lib/system/clock.ts';
import { quotePosix } from '../../lib/system/command.ts';
import type { TaskEvent } from '../fixture/task.ts';

/** Longer than the longest thing that a run waits for, a silent server; a git server may be silent for longer, and is not here. */
const LIMIT_MS = 240_000;
/** Within this, whatever a run has started has seen that the run is gone. */
const AFTERMATH_MS = 10_000;

export interface NightOptions {
  /** The launcher of an unpacked release. */
  readonly agent: string;
  readonly words: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly input?: string;
}

/** The nightly task at work, started as cron starts it: by the shell, with the environment of a crontab. */
export interface Night {
  readonly pid: number;
  /** When it was started, by performance.now(). */
  readonly startedMs: number;
  readonly events: readonly (TaskEvent & { readonly atMs: number })[];
  readonly ended: Promise<NightEnd>;
  isAlive(): boolean;
  /** Resolves when the event is told, or when the task has ended without it. */
  until(event: string, phase: string): Promise<void>;
  /** Those that it has started, and those that these have, with their program. */
  children(): readonly Child[];
  /** The task itself, and not what it has started. */
  kill(): void;
  killAll(): void;
}

export interface Child {
  readonly pid: number;
  readonly program: string;
}

export interface NightEnd {
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** The last line, if it came to that. */
  readonly result: TaskEvent | undefined;
  /** For people: what it said. */
  readonly said: string;
  readonly tookMs: number;
  readonly tooLong: boolean;
  /** What still ran of it some seconds later, and was ended then. */
  readonly leftOver: readonly string[];
}

export function startNight({ agent, words, environment, input = '' }: NightOptions): Night {
  const startedMs = performance.now();
  const line = `exec ${[agent, ...words, '--json'].map(quotePosix).join(' ')}`;
  const child = spawn('/bin/sh', ['-c', line], { detached: true, stdio: 'pipe', env: environment, cwd: '/' });
  const pid = child.pid ?? 0;
  const isAlive = () => child.exitCode === null && child.signalCode === null;
  const events: (TaskEvent & { atMs: number })[] = [];
  const waiting = new Set<() => void>();
  let said = '';
  createInterface({ input: child.stdout }).on('line', (text) => {
    const event = eventOf(text);
    if (event) events.push({ ...event, atMs: performance.now() - startedMs });
    else said += `${text}\n`;
    for (const look of [...waiting]) look();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  child.stdin.on('error', () => undefined).end(input);
  const killAll = () => {
    for (const each of sessionOf(pid)) kill(each.pid);
  };
  let tooLong = false;
  const limit = setTimeout(() => {
    tooLong = true;
    killAll();
  }, LIMIT_MS);
  const ended = (async (): Promise<NightEnd> => {
    const [exitCode, signal] = await new Promise<[number | null, string | null]>((resolve, reject) => {
      child.once('error', reject).once('exit', (code, by) => resolve([code, by]));
    });
    clearTimeout(limit);
    const tookMs = performance.now() - startedMs;
    const leftOver = await aftermathOf(pid);
    for (const each of leftOver) kill(each.pid);
    if (!child.stdout.readableEnded)
      await Promise.race([new Promise((done) => child.once('close', done)), sleep(2000)]);
    for (const look of [...waiting]) look();
    const last = events.at(-1);
    const text = `${said}${events.map((event) => `${JSON.stringify(event)}\n`).join('')}`;
    return {
      ...{ exitCode, signal, tookMs, tooLong, said: text },
      result: last?.event === 'result' ? last : undefined,
      leftOver: leftOver.map((each) => `${each.program} (${each.pid})`),
    };
  })();
  return {
    ...{ pid, startedMs, events, ended, isAlive, killAll },
    until: (event, phase) =>
      new Promise((resolve) => {
        const look = () => {
          if (isAlive() && !events.some((each) => each.event === event && each.phase === phase)) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        child.once('exit', look);
        look();
      }),
    children: () => sessionOf(pid).filter((each) => each.pid !== pid),
    kill: () => kill(pid),
  };
}

function eventOf(line: string): TaskEvent | undefined {
  try {
    return JSON.parse(line) as TaskEvent;
  } catch {
    return undefined;
  }
}

export function kill(pid: number, signal: NodeJS.Signals = 'SIGKILL'): void {
  try {
    if (pid > 1) process.kill(pid, signal);
  } catch {
    // it has ended by itself
  }
}

/** Every process of a session that is no zombie. The task leads its own, and nothing that it starts leaves that. */
export function sessionOf(leader: number): readonly Child[] {
  const found: Child[] = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      const [state, , , session] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (Number(session) !== leader || state === 'Z' || state === 'X') continue;
      found.push({ pid: Number(name), program: stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')')) });
    } catch {
      // it has ended meanwhile
    }
  }
  return found;
}

async function aftermathOf(leader: number): Promise<readonly Child[]> {
  for (let waitedMs = 0; ; waitedMs += 20) {
    const there = sessionOf(leader);
    if (there.length === 0 || waitedMs >= AFTERMATH_MS) return there;
    await sleep(20);
  }
}

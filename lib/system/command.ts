import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { getSystemErrorName } from 'node:util';
import { $ } from 'zx/core';
import { CoffreError, outOfResources } from '../model/error.ts';
import { watchSilence } from './silence.ts';

/** How a finished program ended. A program killed by a signal has `exitCode` null, which is a failure. */
export interface Ended {
  readonly exitCode: number | null;
  /** The signal that killed the program, where it is known. */
  readonly signal?: string | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Whether it was ended because it was silent for `silenceMs`. */
  readonly wasSilent?: boolean;
}

/** A user of this machine, as programs run as one. */
export interface SystemUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

interface RunOptions {
  /** Written to the program's standard input; without it the program reads an empty one. */
  readonly input?: string | Buffer;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** After this the program gets SIGTERM, and SIGKILL five seconds later. */
  readonly timeoutMs?: number;
  /** The same when it has written nothing for so long. Only for `run`. */
  readonly silenceMs?: number;
  readonly signal?: AbortSignal;
  /** The user whom the program runs as; only root may name another than itself. */
  readonly as?: SystemUser | undefined;
  /** An open file that the program finds at /dev/fd/3, such as one without a name. Only for `run`. */
  readonly thirdFile?: number;
}

/** One word of a POSIX shell. zx's own `quote` emits bash's `$'…'`, which dash runs as something else. */
export function quotePosix(word: string): string {
  return /^[A-Za-z0-9_./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** The environment that children get: locale and language pinned, and nothing that changes how they run. */
export function cleanEnvironment(extra: Readonly<Record<string, string>> = {}): Record<string, string> {
  const kept = ['PATH', 'HOME', 'USER', 'LOGNAME', 'TMPDIR', 'TERM', 'SSH_AUTH_SOCK', 'TZ'];
  const entries = kept.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]]));
  return { ...Object.fromEntries(entries), LC_ALL: 'C.UTF-8', ...extra };
}

/** A program that could not be started at all, because this host has run out of what that takes. */
function unstarted(program: string, errno: string): CoffreError {
  const action = `start ${basename(program)}`;
  return outOfResources(action, errno) ?? new CoffreError('unexpected', `cannot ${action}: ${errno}`);
}

/** Throws `program-killed` where a signal has ended a program that nobody here has sent one. */
export function assertNotKilled(program: string, { signal }: Pick<Ended, 'signal'>): void {
  if (!signal) return;
  throw new CoffreError('program-killed', `cannot go on: ${basename(program)} was killed by ${signal}`, {
    hint: 'look at what ended it, as the kernel does where memory runs out: dmesg | tail; then run it again',
  });
}

/**
 * Runs a small program to its end and returns what it wrote: everything is held in memory, so bulk data goes
 * through `start` below. Throws `out-of-resources` where it cannot be started, and never for an exit code. No secret may stand in `args` or `env`: both can be read by others.
 */
export async function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  // zx takes a copy of these for each program. `$({…})` would set them in an AsyncLocalStorage: until Node 24 that has
  // every promise of this process watched from then on, and makes each step of the bulk data's path three times as dear.
  Object.assign($, {
    shell: '/bin/sh',
    prefix: '',
    postfix: '',
    quote: quotePosix,
    nothrow: true,
    quiet: true,
    verbose: false,
    cwd: undefined,
    ...personOf(options),
    // zx would leave an empty standard input open, on which a program that reads it waits for ever.
    stdio: [
      options.input?.length ? 'pipe' : 'ignore',
      'pipe',
      'pipe',
      ...(options.thirdFile === undefined ? [] : [options.thirdFile]),
    ],
    input: options.input?.length ? options.input : undefined,
    spawn: options.as === undefined ? spawn : spawnAs(options.as),
    signal: options.signal,
  });
  const running = $`exec ${[program, ...args]}`.run();
  running.child?.stdin?.on('error', () => undefined); // EPIPE: the exit code tells more
  const stop =
    options.timeoutMs === undefined ? undefined : setTimeout(() => terminate(running.child), options.timeoutMs);
  let wasSilent = false;
  const unwatch =
    options.silenceMs === undefined
      ? undefined
      : watchSilence(running.child, options.silenceMs, () => {
          wasSilent = true;
          terminate(running.child);
        });
  const { exitCode, signal, stdout, stderr } = await running;
  clearTimeout(stop);
  unwatch?.();
  // zx has the number of an errno there, which no program ends with.
  if (exitCode !== null && exitCode < 0) throw unstarted(program, getSystemErrorName(exitCode));
  return { exitCode, signal, stdout, stderr, ...(wasSilent ? { wasSilent } : {}) };
}

/** Environment and folder of a program. Another user may not enter this process's folder, nor has its home. */
function personOf({ as, cwd, env }: Pick<RunOptions, 'cwd' | 'env' | 'as'>): {
  env: Record<string, string>;
  cwd?: string;
} {
  if (as !== undefined)
    return { env: cleanEnvironment({ HOME: '/', USER: as.name, LOGNAME: as.name, ...env }), cwd: cwd ?? '/' };
  return { env: cleanEnvironment(env), ...(cwd === undefined ? {} : { cwd }) };
}

/** Node's spawn leaves no supplementary group of this process to a program that it starts as another user. */
function spawnAs({ uid, gid }: SystemUser): typeof spawn {
  const asUser = (program: string, args: readonly string[], options: SpawnOptions) =>
    spawn(program, args, { ...options, uid, gid });
  return asUser as typeof spawn;
}

/** A running program whose standard streams are handled by the caller. */
export interface Running {
  readonly child: ChildProcess;
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** Settles when the program has ended and its streams are closed. Never rejects once the program has started. */
  readonly ended: Promise<Omit<Ended, 'stdout'>>;
}

const STDERR_END = 32 * 1024;

/**
 * Starts a program for bulk data. Throws `out-of-resources` where there are no descriptors for its pipes. Of a long `stderr` the first and the last 32 KiB are collected: what the mariadb client has
 * to say comes behind the statement that failed, which may be a gigabyte.
 */
export function start(
  program: string,
  args: readonly string[],
  options: Pick<RunOptions, 'cwd' | 'env' | 'as'> = {},
): Running {
  const child = spawn(program, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    ...personOf(options),
    ...(options.as === undefined ? {} : { uid: options.as.uid, gid: options.as.gid }),
  });
  if (!child.stdout) {
    // Node has made no pipes, and tells why later.
    child.on('error', () => undefined);
    throw unstarted(program, 'EMFILE');
  }
  const stderr = endsOf();
  child.stderr.setEncoding('utf8').on('data', stderr.add);
  child.stdin.on('error', () => undefined); // EPIPE: the exit code tells more
  const ended = new Promise<Omit<Ended, 'stdout'>>((resolve) => {
    child.on('error', (error) => resolve({ exitCode: null, stderr: error.message }));
    child.on('close', (exitCode, signal) => resolve({ exitCode, signal, stderr: stderr.text() }));
  });
  return { child, stdin: child.stdin, stdout: child.stdout, ended };
}

/** Both ends of a text that may be of any size. */
function endsOf() {
  let head = '';
  let tail = '';
  return {
    add(text: string) {
      const room = STDERR_END - head.length;
      head += text.slice(0, room);
      tail = (tail + text.slice(room)).slice(-STDERR_END);
    },
    text: () => (tail.length < STDERR_END ? head + tail : `${head}\n${tail}`),
  };
}

/** Ends a program that still runs: SIGTERM now, SIGKILL after five seconds. */
export function terminate(child: ChildProcess | undefined): void {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  const kill = setTimeout(() => child.kill('SIGKILL'), 5000);
  kill.unref();
  child.once('exit', () => clearTimeout(kill));
}

/** Starts a program that outlives this one, with its output in `logFile`. Returns its process id. */
export async function startDetached(program: string, args: readonly string[], logFile: string): Promise<number> {
  const log = await open(logFile, 'a', 0o600);
  try {
    const child = spawn(program, args, { detached: true, stdio: ['ignore', log.fd, log.fd], env: cleanEnvironment() });
    const failed = once(child, 'error').then(([error]: unknown[]) => Promise.reject(error));
    failed.catch(() => undefined);
    await Promise.race([once(child, 'spawn'), failed]);
    child.unref();
    if (child.pid === undefined) throw new Error(`${program} has no process id`);
    return child.pid;
  } finally {
    await log.close();
  }
}

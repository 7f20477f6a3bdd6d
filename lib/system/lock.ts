import { spawn } from 'node:child_process';
import { type FileHandle, open, rm, stat } from 'node:fs/promises';
import { CoffreError, errnoOf } from '../model/error.ts';
import { assertNotKilled, cleanEnvironment, type Ended } from './command.ts';
import { explained } from './explained.ts';
import { requireProgram } from './programs.ts';

/** Who holds a lock, for the message to whoever comes second. */
export interface LockHolder {
  /** What it does: the run, or the verb. */
  readonly doing: string;
  /** RFC 3339. */
  readonly since: string;
}

export interface Lock {
  release(): Promise<void>;
}

/** The exit code by which flock says "somebody else has it", so that no other failure is taken for that. */
const TAKEN = 75;

/**
 * Takes the lock at `path`, or throws `locked`, naming the holder. The kernel holds it for as long as this process has
 * the file open: it ends with the process, however that ends, SIGKILL included. Whoever releases it takes the file away.
 *
 * Node has no flock(2). The program flock takes the lock on *our* open file, which it inherits, and leaves it there.
 * A lock on a removed file keeps nobody out: so whoever gets one looks whether the file is still the one at `path`.
 */
export function lockOrThrow(path: string, holder: LockHolder): Promise<Lock> {
  return take(path, holder, ['--nonblock']);
}

/** As `lockOrThrow`, but waits for up to `timeoutMs` before it gives up. */
export function waitForLock(path: string, holder: LockHolder, timeoutMs: number): Promise<Lock> {
  return take(path, holder, ['--timeout', (timeoutMs / 1000).toFixed(3)]);
}

async function take(path: string, holder: LockHolder, manner: readonly string[]): Promise<Lock> {
  for (;;) {
    const lock = await tryToTake(path, holder, manner);
    if (lock) return lock;
  }
}

/** undefined when the one before has taken the file away in between: then there is another one to be locked. */
async function tryToTake(path: string, holder: LockHolder, manner: readonly string[]): Promise<Lock | undefined> {
  const file = await open(path, 'a+', 0o600).catch((error: unknown) => {
    throw explained('lock', path, error);
  });
  try {
    const { exitCode, signal } = await flock(file, manner);
    assertNotKilled('flock', { signal });
    if (exitCode === TAKEN) throw taken(path, await file.readFile('utf8'));
    if (exitCode !== 0) throw new CoffreError('unexpected', `cannot lock ${path}: flock ended with ${exitCode}`);
    if (!(await isAt(path, file))) {
      await file.close();
      return undefined;
    }
    await file.truncate(0);
    await file.appendFile(`${process.pid} ${holder.since} ${holder.doing}\n`);
  } catch (error) {
    await file.close();
    throw error;
  }
  return {
    async release() {
      // On a disk that has become read-only the file stays, and hinders nobody: the kernel holds the lock, not the name.
      await rm(path, { force: true }).catch(() => undefined);
      await file.close();
    },
  };
}

async function isAt(path: string, file: FileHandle): Promise<boolean> {
  const there = await stat(path).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw explained('lock', path, error);
  });
  const held = await file.stat();
  return held.ino === there?.ino && held.dev === there.dev;
}

function flock(file: FileHandle, manner: readonly string[]): Promise<Pick<Ended, 'exitCode' | 'signal'>> {
  const child = spawn(requireProgram('flock'), [...manner, '--conflict-exit-code', `${TAKEN}`, '3'], {
    stdio: ['ignore', 'ignore', 'ignore', file.fd],
    env: cleanEnvironment(),
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject).once('exit', (exitCode, signal) => resolve({ exitCode, signal }));
  });
}

function taken(path: string, content: string): CoffreError {
  const [, pid, since, doing] = /^(\d+) (\S+) (.*)$/m.exec(content) ?? [];
  const who = pid === undefined ? 'another process' : `process ${pid} (${doing}, since ${since})`;
  return new CoffreError('locked', `cannot lock ${path}: ${who} holds it`, {
    hint: pid === undefined ? `look at: fuser -v ${path}` : `wait for it, or look at: ps -fp ${pid}`,
  });
}

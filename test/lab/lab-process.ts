import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, readFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CoffreError } from '../../lib/model/error.ts';
import { sleep } from '../../lib/system/clock.ts';
import { cleanEnvironment } from '../../lib/system/command.ts';
import { isRunning, readProcess, recordProcess } from '../../lib/system/process-record.ts';
import { requireProgram } from '../../lib/system/programs.ts';
import { childOf } from './enter.ts';
import { pathsOf } from './lab-plan.ts';

/** The process whose end is the lab's end. */
export interface Holder {
  readonly pid: number;
  /** From here on the lab outlives the process that started it. */
  keep(): Promise<void>;
}

const script = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/**
 * Starts the holder of a lab's namespaces. While nobody says `keep`, it lives by the pipe to this process: the kernel
 * closes that one even when this process gets SIGKILL.
 */
export async function startHolder(folder: string): Promise<Holder> {
  const namespaces = ['--net', '--mount', '--pid', '--fork', '--kill-child=KILL', '--propagation', 'private'];
  const child = launch('pipe', requireProgram('unshare'), [...namespaces, 'sh', script('hold-lab.sh')]);
  await said(child, 'held', 'hold the lab');
  const { pid } = await recordProcess(pathsOf(folder).holder, await childOf(child.pid ?? 0));
  const keep = async () => {
    if (child.stdin instanceof Socket) child.stdin.ref();
    await new Promise<void>((resolve) => child.stdin?.end('keep\n', resolve));
  };
  return { pid, keep };
}

/** Boots a host on its overlay, in namespaces inside the holder's. Returns the process id of its PID 1. */
export async function bootHost(folder: string, holderPid: number, name: string): Promise<number> {
  const paths = pathsOf(folder);
  for (const part of ['upper', 'work', 'root', 'disk']) await mkdir(join(paths.host(name), part), { recursive: true });
  const inLab = ['-t', `${holderPid}`, '-n', '-m', '-p', '--'];
  const namespaces = ['--net', '--mount', '--pid', '--uts', '--ipc', '--fork', '--kill-child=KILL'];
  const boot = ['sh', script('boot-host.sh'), paths.host(name), name];
  const child = launch('ignore', requireProgram('nsenter'), [
    ...inLab,
    requireProgram('unshare'),
    ...namespaces,
    ...boot,
  ]);
  await said(child, 'booted', `boot the lab host ${name}`);
  const init = await childOf(await childOf(child.pid ?? 0));
  await recordProcess(paths.init(name), init);
  return init;
}

/**
 * Ends the recorded PID 1 at once, and with it, as the kernel has it, every process of its namespace. Returns when the
 * last of them is gone: the kernel lets a PID 1 go only after all the others.
 */
export async function killRecorded(path: string): Promise<boolean> {
  const record = await readProcess(path);
  if (!record) return false;
  const { pid } = record;
  // unshare, which waits for PID 1, is in the same namespaces: the mounts are gone when it is gone too.
  const parent = Number(await statOf(pid).then(([, ppid]) => ppid));
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // it ended between the look and the signal
  }
  for (let waitedMs = 0; (await isRunning(record)) || (await isAlive(parent)); waitedMs += 10) {
    if (waitedMs > 30_000) throw new CoffreError('unexpected', `cannot end process ${pid} of the lab`);
    await sleep(10);
  }
  return true;
}

/** State, parent and what follows of a process. Source: proc(5), /proc/<pid>/stat from its third field on. */
async function statOf(pid: number): Promise<readonly string[]> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

async function isAlive(pid: number): Promise<boolean> {
  const [state = ''] = await statOf(pid);
  return state !== '' && state !== 'Z';
}

/** A child that neither keeps this process alive nor gets its terminal's signals. */
function launch(stdin: 'pipe' | 'ignore', program: string, args: readonly string[]): ChildProcess {
  const child = spawn(program, args, { detached: true, stdio: [stdin, 'pipe', 'pipe'], env: cleanEnvironment() });
  child.stdin?.on('error', () => undefined);
  if (child.stdin instanceof Socket) child.stdin.unref();
  child.unref();
  return child;
}

/** Waits for the line that says that the child is ready, then lets go of what it writes. */
async function said(child: ChildProcess, word: string, what: string): Promise<void> {
  let text = '';
  const ready = await new Promise<boolean>((resolve) => {
    const read = (chunk: Buffer) => {
      text += chunk.toString('utf8');
      if (text.split('\n').includes(word)) resolve(true);
    };
    child.stdout?.on('data', read);
    child.stderr?.on('data', read);
    child.once('error', () => resolve(false)).once('exit', () => resolve(false));
  });
  child.stdout?.destroy();
  child.stderr?.destroy();
  if (!ready) throw new CoffreError('unexpected', `cannot ${what}: ${text.trim() || 'it ended at once'}`);
}

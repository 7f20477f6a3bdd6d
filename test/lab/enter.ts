import { readFile } from 'node:fs/promises';
import { CoffreError } from '../../lib/model/error.ts';
import { type Ended, run } from '../../lib/system/command.ts';
import { readProcess } from '../../lib/system/process-record.ts';
import { requireProgram } from '../../lib/system/programs.ts';
import { pathsOf } from './lab-plan.ts';

export interface EnterOptions {
  readonly input?: string | Buffer;
  /** After this the program is ended, inside, with exit code 124. */
  readonly timeoutMs?: number;
}

/** What a login of root on Debian gets, and nothing of the machine's environment. */
const ENVIRONMENT = [
  'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  'HOME=/root',
  'USER=root',
  'LOGNAME=root',
  'SHELL=/bin/sh',
  'LANG=C.UTF-8',
];

/** The words that run `words` in all namespaces of a host's PID 1, as root, without its network. */
export function wordsInside(initPid: number, words: readonly string[], extra: readonly string[] = []): string[] {
  const nsenter = requireProgram('nsenter');
  const enter = [nsenter, '-t', `${initPid}`, '-m', '-u', '-i', '-n', '-p', '--'];
  return [...enter, '/usr/bin/env', '-i', ...ENVIRONMENT, ...extra, ...words];
}

/** Runs a program in a host that is up. Never throws for an exit code. */
export async function enter(
  folder: string,
  name: string,
  words: readonly string[],
  options: EnterOptions = {},
): Promise<Ended> {
  const { input, timeoutMs } = options;
  // Ending nsenter would leave the program alone in there, with our pipes open.
  const limit = timeoutMs === undefined ? [] : ['timeout', '--kill-after=5', `${timeoutMs / 1000}`];
  const [program = '', ...args] = wordsInside(await initPidOf(folder, name), [...limit, ...words]);
  return run(program, args, input === undefined ? {} : { input });
}

/** The process id of a host's PID 1 as the machine sees it. Throws `not-found` when the host is down. */
export async function initPidOf(folder: string, name: string): Promise<number> {
  const init = await readProcess(pathsOf(folder).init(name));
  if (init) return init.pid;
  throw new CoffreError('not-found', `cannot enter the lab host ${name}: it is not running`, {
    hint: 'start it, or look at: npm run lab -- status',
  });
}

/** The one child of a process, once it is there. Throws `unexpected` when there is none within ten seconds. */
export async function childOf(pid: number): Promise<number> {
  for (let waitedMs = 0; waitedMs < 10_000; waitedMs += 10) {
    const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
    const child = Number.parseInt(children, 10);
    if (child > 0) return child;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new CoffreError('unexpected', `cannot find the child of process ${pid}`);
}

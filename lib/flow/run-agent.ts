import type * as z from 'zod';
import type { HostFacts } from '../host/probe.ts';
import { CoffreError } from '../model/error.ts';
import type { Emit } from '../model/event.ts';
import { lastWords } from '../system/last-words.ts';
import type { SshConnection } from '../system/ssh.ts';
import { type Answer, answerQuestions } from './answer-questions.ts';
import { hearAgent } from './hear-agent.ts';

/** What control has an agent do. */
export interface Errand<Data> {
  /** Of the host, for sentences. */
  readonly name: string;
  /** The verb and its options but for `--json`. No secret among them: whoever is on the host can read them. */
  readonly words: readonly [string, ...string[]];
  /** For its standard input, as one line of JSON. */
  readonly order: unknown;
  /** The form of its answer. */
  readonly data: z.ZodType<Data>;
  /** Answers what the agent may ask meanwhile, one question at a time; without it none is answered. */
  readonly answer?: Answer;
  /** What to do when nobody can tell what became of it. */
  readonly afterBreak: string;
}

interface Session {
  readonly connection: SshConnection;
  readonly facts: HostFacts;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

/** Words in front of a command that has to run as root. */
export function asRoot({ access }: HostFacts): string[] {
  return access === 'sudo' ? ['sudo', '-n', '--'] : [];
}

/**
 * Runs a verb of the agent at the path `agent`, passes its events on, and returns its answer. Its standard input stays open for
 * as long as somebody waits for the answer: by its end the agent knows that nobody does any more. Throws what the agent tells,
 * `host-unreachable` when the connection broke, and why it could not be started.
 */
export async function runAgent<Data>(session: Session, agent: string, errand: Errand<Data>): Promise<Data> {
  const { connection, facts, emit, signal } = session;
  const [verb, ...options] = errand.words;
  const words = [...asRoot(facts), agent, verb, '--json', ...options];
  const running = await connection.start(words);
  running.stdin.write(`${JSON.stringify(errand.order)}\n`);
  const leave = () => running.stdin.end();
  const answers = errand.answer && answerQuestions(running.stdin, errand.answer);
  const heard: Emit = (event) => (event.kind === 'question' ? answers?.(event.id, event.question) : emit(event));
  signal.addEventListener('abort', leave, { once: true });
  if (signal.aborted) leave();
  const answer = await hearAgent(running.stdout, errand.data, heard, leave);
  const { exitCode, stderr } = await running.ended;
  signal.removeEventListener('abort', leave);
  if (answer) return answer;
  const { name } = errand;
  if (exitCode === null) {
    throw new CoffreError(
      'host-unreachable',
      `cannot tell what became of ${name}: the connection broke while its agent was at work`,
      { hint: errand.afterBreak },
    );
  }
  if (exitCode === 126) throw cannotStart(name, facts, stderr);
  throw new CoffreError(
    'unexpected',
    `cannot run the agent on ${name}: it ended with ${exitCode}: ${lastWords(stderr) ?? 'it said nothing'}`,
    { hint: `try it there: ${[...asRoot(facts), agent, verb, '--help'].join(' ')}` },
  );
}

/** Why the shell of the host could not start the agent. Exit code 126: POSIX, "found, but not executable". */
function cannotStart(name: string, { machine }: HostFacts, stderr: string): CoffreError {
  if (/Exec format error/i.test(stderr)) {
    return new CoffreError(
      'program-missing',
      `cannot run the agent on ${name}: it does not run the Node for ${machine}, which it says it is`,
      { hint: 'look there at: uname -m; or install Node 20.19, 22.18, or 24 and later there: then none is sent' },
    );
  }
  return new CoffreError('refused', `cannot run the agent on ${name}: nothing in its folder may be run`, {
    hint: 'look there at: findmnt -T /var/tmp; for a noexec: mount -o remount,exec /var/tmp',
  });
}

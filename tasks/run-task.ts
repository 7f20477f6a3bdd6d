import { parse as parsePath } from 'node:path';
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { asCoffreError, CoffreError } from '../lib/model/error.ts';
import type { Emit } from '../lib/model/event.ts';
import { nearest } from '../lib/model/nearest.ts';
import { leaveNoReport } from '../lib/system/crash-report.ts';
import { expectBulkData } from '../lib/system/memory.ts';
import { collects } from './collect.ts';
import { nagiosTerminal } from './nagios-terminal.ts';
import { type LoggedMachine, NightLog } from './night-log.ts';
import { toStderr, toStdout } from './outlet.ts';
import { commandOf } from './own-words.ts';
import type { Task, Values } from './task.ts';
import { jsonTerminal, plainTerminal, type Terminal } from './terminal.ts';

type Options = NonNullable<ParseArgsConfig['options']>;

const COMMON = {
  inventory: process.env.COFFRE_COMMAND
    ? "=DIR  the inventory (default: this machine's own slice, in /etc/coffre, or /etc/coffre-drill)"
    : '=DIR  the inventory (default: inventory; that of the quickstart while .quickstart is there)',
  json: 'one JSON event a line on stdout; the last one is the result',
  help: 'show this help',
};

/** Runs a task as the process: reads the command line, speaks, and sets the exit code. The only place that does. */
export async function runTask(task: Task): Promise<void> {
  if (collects(task)) return;
  const described: Readonly<Record<string, string>> = { ...task.options, ...COMMON };
  const args = process.argv.slice(process.argv.findIndex((word) => parsePath(word).name === task.verb) + 1);
  const terminal = terminalFor(task, args);
  const log = task.logs && !process.stderr.isTTY ? new NightLog(task.verb) : undefined;
  // Whoever read this may have gone, as with `| head`: the work goes on, and its exit code still counts.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  leaveNoReport();
  expectBulkData();
  const fail = (error: unknown) => {
    const failure = asCoffreError(error);
    process.exitCode = terminal.failure(failure) ?? failure.exitCode;
    log?.failure(failure);
    if (failure.code === 'unexpected' && process.env.COFFRE_DEBUG) toStderr(`${(error as Error).stack}\n`);
  };
  // Node would print it itself, with all that hangs on it. It also comes here for a promise that nobody waits for.
  process.on('uncaughtException', (error) => {
    fail(error);
    process.exit(process.exitCode);
  });
  const stopper = new AbortController();
  const stop = () => {
    if (stopper.signal.aborted) process.exit(130);
    terminal.notice('stopping: what is half-done is being taken away; once more to stop at once');
    stopper.abort(new CoffreError('interrupted', `${task.verb} was interrupted`));
  };
  process.on('SIGINT', stop).on('SIGTERM', stop).on('SIGHUP', stop);
  try {
    const { values, positionals } = parse(task, described, args);
    if (values.help) {
      toStdout(helpText(task));
      return;
    }
    const emit: Emit = (event) => {
      log?.event(event);
      terminal.event(event);
    };
    const logTo = (machine: LoggedMachine) => log?.logTo(machine);
    const result = await task.run({ values, words: positionals, emit, signal: stopper.signal, logTo });
    process.exitCode = result.exitCode ?? 0;
    log?.result(process.exitCode);
    terminal.result({ ...result, exitCode: process.exitCode });
  } catch (error) {
    fail(stopper.signal.aborted ? stopper.signal.reason : error);
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop).off('SIGHUP', stop);
  }
  await log?.close();
  if (task.endsAtOnce) process.exit();
}

function terminalFor({ options }: Task, args: readonly string[]): Terminal {
  if ('nagios' in options && args.includes('--nagios')) return nagiosTerminal();
  return args.includes('--json') ? jsonTerminal() : plainTerminal();
}

/** The value of an option that takes one. */
export function textOf(values: Values, option: string): string | undefined {
  const value = values[option];
  return typeof value === 'string' ? value : undefined;
}

/** The value of an option that can be given several times. */
export function listOf(values: Values, option: string): readonly string[] {
  const value = values[option];
  return Array.isArray(value) ? value.filter((word) => typeof word === 'string') : [];
}

function parse(task: Task, described: Readonly<Record<string, string>>, args: readonly string[]) {
  const options: Options = Object.fromEntries(
    Object.entries(described).map(([name, text]) => [
      name,
      text.startsWith('=')
        ? { type: 'string' as const, multiple: text.startsWith('=…') }
        : { type: 'boolean' as const },
    ]),
  );
  try {
    return parseArgs({ args: [...args], options, allowPositionals: takesWords(task), strict: true });
  } catch (error) {
    // Node's own advice stands behind the first sentence, or on lines of its own.
    const message = (error as Error).message.split(/\. To specify|\.?\n/, 1)[0] ?? '';
    throw new CoffreError('usage', `cannot read the command line: ${lowerFirst(message)}`, {
      hint: hintFor(task, error as Error, Object.keys(described)),
    });
  }
}

function hintFor(task: Task, { message }: Error, options: readonly string[]): string {
  const help = `${commandOf(task.verb)} --help`;
  const [, unknown] = /^Unknown option '--([^']+)'/.exec(message) ?? [];
  const meant = unknown === undefined ? undefined : nearest(unknown, options);
  return meant === undefined ? help : `did you mean --${meant}? All of them: ${help}`;
}

/** Whether the usage line has anything beside options. */
function takesWords({ usage }: Task): boolean {
  return /[A-Za-z]/.test(usage.replace(/--[a-z-]+( [A-Z|]+)?/g, ''));
}

interface DescribedOption {
  readonly name: string;
  /** What stands for its value on the line; undefined for one that takes none. */
  readonly value: string | undefined;
  readonly about: string;
}

/** The options that a task has, those of all tasks last. */
export function describedOptions(task: Task): readonly DescribedOption[] {
  return Object.entries({ ...task.options, ...COMMON }).map(([name, text]) => {
    const [, value, about = text] = /^=(\S+)\s+(.*)$/s.exec(text) ?? [];
    return { name, value: value?.replace('…', ''), about };
  });
}

/** The words of which the usage line wants one first, as in `new <recipient> | list`. */
export function wordsOf({ usage }: Task): readonly string[] {
  return usage.split(' | ').flatMap((part) => /^[a-z][a-z-]*(?= |$)/.exec(part) ?? []);
}

function helpText(task: Task): string {
  const rows = describedOptions(task).map(({ name, value, about }) => [
    `  --${name}${value ? ` ${value}` : ''}`,
    about,
  ]);
  const width = Math.max(...rows.map(([left = '']) => left.length)) + 2;
  return [
    `usage: ${commandOf(task.verb)} ${task.usage}`,
    '',
    task.summary,
    '',
    'options:',
    ...rows.map(([left = '', right = '']) => left.padEnd(width) + right),
    '',
    'examples:',
    ...task.examples.map((example) => `  ${commandOf(task.verb)} ${example}`.trimEnd()),
    '',
  ].join('\n');
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

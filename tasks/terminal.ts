import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import type { CoffreError } from '../lib/model/error.ts';
import { CoffreError as Failure } from '../lib/model/error.ts';
import type { FlowEvent } from '../lib/model/event.ts';
import { formatDuration } from '../lib/report/format.ts';
import { formatPlan } from '../lib/report/plan.ts';
import { onOneLine } from '../lib/report/table.ts';
import { learnSecret, publicText } from '../lib/system/known-secrets.ts';
import { liveProgress } from './live-progress.ts';
import { jsonToStdout, toStderr, toStdout } from './outlet.ts';
import { inOwnWords } from './own-words.ts';

/** Where a task speaks: a person's terminal, cron's plain lines, or one JSON event a line. */
export interface Terminal {
  event(event: FlowEvent): void;
  result(result: { readonly text: string; readonly data: unknown; readonly exitCode: number }): void;
  /** Returns the exit code where that is another than the error's. */
  failure(error: CoffreError): number | undefined;
  /** A line for the person at the terminal, and for nobody else. */
  notice(text: string): void;
}

/** In colours where `stream` is a terminal that takes some: for results, which speak of things that stand well or badly. */
export function toneOf(stream: NodeJS.WriteStream): (tone: 'good' | 'warned' | 'bad', text: string) => string {
  if (!stream.isTTY || process.env.NO_COLOR !== undefined) return (_, text) => text;
  const codes = { good: 32, warned: 33, bad: 31 };
  return (tone, text) => `\u001b[${codes[tone]}m${text}\u001b[0m`;
}

const say = (line: string) => toStderr(`${inOwnWords(line)}\n`);

/** One for the process: whoever asks something takes it away first. */
const progress = liveProgress(process.stderr);

/** What stays on the terminal. */
type Told = Exclude<FlowEvent, { kind: 'phase-started' | 'progress' | 'account-order' | 'question' }>;

export function jsonTerminal(): Terminal {
  const hints = (key: string, value: unknown) =>
    key === 'hint' && typeof value === 'string' ? inOwnWords(value) : value;
  const write = (value: object) => jsonToStdout(value, hints);
  return {
    event: ({ kind, ...rest }) => write({ event: kind, ...rest }),
    result: ({ data, exitCode }) => write({ event: 'result', exitCode, data }),
    failure: (error) => {
      const { code, message, hint, findings, exitCode } = error;
      write({
        event: 'result',
        exitCode,
        error: { code, message, hint: hint ?? null, findings: findings.map(inOwnWords) },
      });
      return undefined;
    },
    notice: say,
  };
}

export function plainTerminal(): Terminal {
  const color = process.stderr.isTTY && process.env.NO_COLOR === undefined;
  const paint = (code: number, text: string) => (color ? `\u001b[${code}m${text}\u001b[0m` : text);
  const told = (event: Told): void => {
    const subject = onOneLine(event.subject);
    switch (event.kind) {
      case 'phase-ended':
        say(
          `${paint(32, 'done')}  ${onOneLine(event.phase).padEnd(12)} ${subject}  ${formatDuration(event.durationMs)}`,
        );
        return;
      case 'plan':
        say(formatPlan(event.plan));
        return;
      case 'changes':
        say(formatPlan({ host: subject, changes: event.changes, remarks: [] }));
        return;
      case 'note':
        say(`      ${subject}: ${onOneLine(event.text)}`);
        return;
      case 'warning':
        say(
          `${paint(33, 'warning:')} ${subject}: ${onOneLine(event.text)}\n${paint(33, 'hint:')} ${onOneLine(event.hint)}`,
        );
        return;
    }
  };
  return {
    event: (event) => {
      switch (event.kind) {
        case 'account-order':
        case 'question':
          return;
        case 'phase-started':
        case 'progress':
          return progress.event(event);
        case 'phase-ended':
          progress.event(event);
          return progress.above(() => told(event));
        default:
          return progress.above(() => told(event));
      }
    },
    result: ({ text }) => {
      progress.clear();
      if (text !== '') toStdout(`${inOwnWords(text)}\n`);
    },
    failure: (error) => {
      progress.clear();
      for (const finding of error.findings) say(`  ${onOneLine(finding)}`);
      say(`${paint(31, 'error:')} ${onOneLine(error.message)}`);
      if (error.hint) say(`${paint(33, 'hint:')} ${onOneLine(error.hint)}`);
      return undefined;
    },
    notice: (text) => progress.above(() => say(text)),
  };
}

/**
 * A passphrase: the first line of descriptor `fd` where one is named, else asked on the terminal without showing it.
 * Throws `usage` where there is neither.
 */
export async function askPassphrase(prompt: string, fd: number | undefined): Promise<string> {
  const passphrase = fd === undefined ? await typed(prompt) : await firstLine(fd);
  learnSecret(passphrase);
  return passphrase;
}

async function typed(prompt: string): Promise<string> {
  if (!process.stdin.isTTY) {
    throw new Failure('usage', 'cannot ask for the passphrase: there is no terminal', {
      hint: 'hand it in: --passphrase-file FILE, or on standard input: --passphrase-fd 0 < FILE',
    });
  }
  progress.clear();
  toStderr(`${prompt}: `);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const reader = createInterface({ input: process.stdin, output: silent, terminal: true });
  try {
    return await reader.question('');
  } finally {
    reader.close();
    toStderr('\n');
  }
}

/** What a person types at the terminal, for all to see. Only where there is one. */
export async function askLine(prompt: string): Promise<string> {
  progress.clear();
  const reader = createInterface({ input: process.stdin, output: process.stderr, terminal: true });
  try {
    return await reader.question(`${publicText(prompt)}: `);
  } finally {
    reader.close();
  }
}

async function firstLine(fd: number): Promise<string> {
  let text = '';
  try {
    for await (const chunk of createReadStream('', { fd, encoding: 'utf8', autoClose: false })) {
      text += chunk as string;
      if (text.includes('\n')) break;
    }
  } catch (error) {
    throw new Failure('usage', `cannot read the passphrase from descriptor ${fd}`, {
      hint: 'npx hands on descriptor 0 alone: --passphrase-fd 0 < FILE; or --passphrase-file FILE',
      cause: error,
    });
  }
  return text.split('\n', 1)[0] ?? '';
}

import type { CoffreError } from '../model/error.ts';
import type { FlowEvent } from '../model/event.ts';
import { onOneLine } from './table.ts';

/** A line of the system log. */
export interface LogLine {
  readonly level: 'err' | 'warning' | 'notice' | 'info';
  readonly text: string;
}

/** Whose lines they are, in front of each of them. */
export interface LogHead {
  readonly task: string;
  /** The host, or the machine that drills. */
  readonly machine: string | undefined;
  readonly run: string | undefined;
}

type Fields = Readonly<Record<string, string | number | undefined>>;

/** An event as a line of `key=value`; undefined for what belongs on a terminal alone. */
export function eventLine(head: LogHead, event: FlowEvent): LogLine | undefined {
  const { subject } = event;
  switch (event.kind) {
    case 'run-started':
      return line('info', head, { event: event.kind, subject });
    case 'phase-ended':
      return line('info', head, { event: event.kind, phase: event.phase, subject, durationMs: event.durationMs });
    case 'note':
      return line('info', head, { event: event.kind, subject, text: event.text });
    case 'warning':
      return line('warning', head, { event: event.kind, subject, text: event.text, hint: event.hint });
    default:
      return undefined;
  }
}

export function failureLine(head: LogHead, { code, message, hint, exitCode, findings }: CoffreError): LogLine {
  const [finding] = findings;
  return line('err', head, { event: 'failure', code, exitCode, text: message, hint, finding });
}

export function resultLine(head: LogHead, exitCode: number): LogLine {
  return line(exitCode === 0 ? 'notice' : 'warning', head, { event: 'result', exitCode });
}

function line(level: LogLine['level'], { task, machine, run }: LogHead, fields: Fields): LogLine {
  const pairs = Object.entries({ task, host: machine, run, ...fields }).flatMap(([key, value]) =>
    value === undefined ? [] : [`${key}=${wordOf(String(value))}`],
  );
  return { level, text: pairs.join(' ') };
}

/** As it is, or in quotes as JSON has them: what reads logfmt takes both. */
function wordOf(value: string): string {
  return /^[^\s"=\\]+$/.test(value) ? onOneLine(value) : JSON.stringify(onOneLine(value));
}

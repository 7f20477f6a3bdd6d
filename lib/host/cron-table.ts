import { scheduleFault } from '../model/schedule.ts';
import { readCronCommand } from './cron-command.ts';
import { type CronVariable, parseCronVariable } from './cron-variable.ts';

export interface CronEntry {
  /** 1 is the first line of the file. */
  readonly line: number;
  /** Five fields with one space in between. */
  readonly schedule: string;
  readonly user: string;
  /** What the shell gets, `\%` undone. */
  readonly command: string;
  /** The variables that are set above the entry: those below do not count. */
  readonly environment: Readonly<Record<string, string>>;
}

export interface CronFault {
  readonly line: number;
  readonly text: string;
}

export interface CronTable {
  readonly entries: readonly CronEntry[];
  /** With a single one, cron ignores the whole file, or runs something else than the line seems to say. */
  readonly faults: readonly CronFault[];
}

/** MAX_COMMAND of cron.h is 1000: cron stores 999 bytes, and takes 999 for a sign that more was cut off. */
const COMMAND_BYTES = 998;
/** MAX_TAB_LINES of cron.h. */
const LINES = 10_000;
/** What can be a user of a host: useradd(8), and the dots and capitals that other directories have. */
export const LOGIN_NAME = /^[A-Za-z_][A-Za-z0-9_.-]*\$?$/;

/**
 * A file of /etc/cron.d by the rules that Debian's cron applies without a word to anybody but syslog: one bad line, or a
 * missing last newline, and none of the file runs. Stricter than cron, never laxer: also a fault is what cron takes and
 * does not carry out as its author means it, such as a bare `%`, a line that ends in CR, a schedule that never fires,
 * CRON_TZ, or a shorthand such as `@daily`. Finds all faults. Source: load_user(), load_env() and load_entry() of
 * Debian's cron 3.0pl1; crontab(5).
 */
export function parseCronTable(text: string): CronTable {
  const entries: CronEntry[] = [];
  const faults: CronFault[] = [];
  let environment: Readonly<Record<string, string>> = {};
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  else faults.push({ line: lines.length, text: 'the last line has no newline at its end' });
  if (lines.length > LINES) faults.push({ line: LINES + 1, text: `there are more than ${LINES} lines` });
  for (const [index, whole] of lines.entries()) {
    const line = index + 1;
    const blame = (why: string) => faults.push({ line, text: why });
    if (whole.includes('\0')) blame('it has a NUL in it');
    if (whole.endsWith('\r')) blame('it ends in CR LF, and the CR would become a part of the line');
    const content = whole.replace(/^[ \t]+/, '');
    if (content === '' || content.startsWith('#') || whole.endsWith('\r')) continue;
    const found = parseCronVariable(content) ?? parseEntry(content);
    if (typeof found === 'string') blame(found);
    else if ('value' in found) environment = { ...environment, [found.name]: found.value };
    else entries.push({ line, ...found, environment });
  }
  return { entries, faults };
}

/** An entry, or why it is none. */
function parseEntry(content: string): Omit<CronEntry, 'line' | 'environment'> | CronVariable | string {
  const [, times, user, rest] = /^(@\S*|(?:[^ \t]+[ \t]+){5})(\S*)(?:[ \t](.*))?$/s.exec(content) ?? [];
  if (times === undefined) return 'five fields of times, a user and a command are expected';
  const schedule = times
    .trim()
    .split(/[ \t]+/)
    .join(' ');
  const fault = scheduleFault(schedule);
  if (fault !== undefined) return fault;
  if (user === undefined || !LOGIN_NAME.test(user)) {
    return `a user is expected after the five fields of times, and "${user}" is no login name`;
  }
  const field = rest?.replace(/^[ \t]+/, '') ?? '';
  if (field === '') return `there is no command after the user "${user}"`;
  if (Buffer.byteLength(rest ?? '') > COMMAND_BYTES) return `the command is longer than ${COMMAND_BYTES} bytes`;
  const { script, input } = readCronCommand(field);
  if (input !== undefined) return 'a % without a backslash ends the command and begins its standard input: write \\%';
  return { schedule, user, command: script };
}

import { CoffreError } from '../model/error.ts';
import { quotePosix } from '../system/command.ts';

/** What cron makes of the last field of an entry. */
export interface CronCommand {
  /** Handed to `SHELL -c`. */
  readonly script: string;
  /** Standard input of the script: what follows the first `%` that has no backslash. Undefined without one. */
  readonly input: string | undefined;
}

/**
 * The last field of a crontab entry as cron reads it: `\%` is a percent sign, `\\` one backslash, any other backslash
 * stands for itself, and a bare `%` ends the script. Source: child_process() of Debian's cron 3.0pl1.
 */
export function readCronCommand(field: string): CronCommand {
  let script = '';
  for (let index = 0; index < field.length; index++) {
    const [char = '', next] = [field[index], field[index + 1]];
    if (char === '%') return { script, input: field.slice(index + 1) };
    if (char !== '\\' || next === undefined) script += char;
    else {
      script += next === '%' || next === '\\' ? next : `\\${next}`;
      index++;
    }
  }
  return { script, input: undefined };
}

/**
 * The last field of a crontab entry that runs the program `words[0]`, an absolute path, with exactly the other words as
 * its arguments. Throws `refused` for a word that no crontab can carry.
 */
export function writeCronCommand(words: readonly string[]): string {
  assertCarried(words);
  return words.map(wordOfCrontab).join(' ');
}

/** Throws `refused` unless a line of a crontab or of a unit can carry the words of a command exactly. */
export function assertCarried(words: readonly string[]): void {
  const refuse = (why: string) => {
    throw new CoffreError('refused', `cannot schedule a command: ${why}`, {
      hint: 'look at the paths of this host in the inventory: they become words of the nightly command',
    });
  };
  if (!words[0]?.startsWith('/')) refuse(`its program ${JSON.stringify(words[0] ?? '')} is not an absolute path`);
  for (const word of words) {
    if (/[\n\0]/.test(word)) refuse(`${JSON.stringify(word)} has a line break or a NUL in it`);
    if (/\p{Surrogate}/u.test(word)) refuse(`${JSON.stringify(word)} is not valid Unicode`);
  }
}

/**
 * A word that means the same to every cron: some take `\\` for one backslash and some for two. So no backslash is left
 * in front of another one, or of a percent sign: the quotes are closed and opened between the two. Backslashes stand
 * side by side only within quotes, because those that `quotePosix` adds have a quote on either side.
 */
function wordOfCrontab(word: string): string {
  return quotePosix(word)
    .replace(/\\(?=[\\%])/g, "\\''")
    .replaceAll('%', '\\%');
}

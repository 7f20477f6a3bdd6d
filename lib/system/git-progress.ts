/*
 * How far git has come with a remote. A transfer may take long and be well; one that says nothing any more is not. So git is
 * asked to tell of its progress, several times a second while bytes move, and what it tells is no message of anybody.
 */

/** How long a remote may be silent until it is given up. A hook of the remote that is slower than this is given up, too. */
export const SILENCE_MS = 90_000;

const TRANSFERS = ['clone', 'fetch', 'push'];
const ASKS = ['ls-remote', ...TRANSFERS];

/** `args` of a git command, so that it tells of its progress where it has any. */
export function withProgress(args: readonly string[]): readonly string[] {
  const [verb = '', ...rest] = args;
  return TRANSFERS.includes(verb) ? [verb, '--progress', ...rest] : args;
}

/** Whether the command asks a remote. */
export function asksRemote([verb = '']: readonly string[]): boolean {
  return ASKS.includes(verb);
}

const PROGRESS =
  /^(remote: )?([A-Z][a-z]+( [a-z]+)*: +\d+(%| *\(|,|$)|Total \d+ \(delta|Delta compression using|Cloning into)/;

/** What git wrote, without what is only progress. */
export function withoutProgress(text: string): string {
  if (!/\r|^(remote: )?(Total|Delta|Cloning|[A-Z][a-z]+( [a-z]+)*: +\d)/m.test(text)) return text;
  return text
    .split(/[\r\n]+/)
    .filter((line) => !PROGRESS.test(line))
    .join('\n');
}

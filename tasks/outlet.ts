import { publicJson, publicText } from '../lib/system/known-secrets.ts';

/*
 * The one way out of a task: nothing else in lib/ or tasks/ writes to standard output or standard error, and a test says so.
 * Whatever a text holds, and wherever it has come from, no secret gets past here.
 */

export function toStdout(text: string): void {
  process.stdout.write(publicText(text));
}

export function toStderr(text: string): void {
  process.stderr.write(publicText(text));
}

/** One line of `--json`; `said` gives each value its wording first. */
export function jsonToStdout(value: object, said?: (key: string, value: unknown) => unknown): void {
  process.stdout.write(`${publicJson(value, said)}\n`);
}

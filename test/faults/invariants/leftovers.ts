import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { NightEnd } from '../night.ts';
import type { Findings } from './copies.ts';

/** Nothing of a night runs when it is over, and none takes for ever. */
export function checkProcesses({ leftOver, tooLong }: NightEnd): Findings {
  return [
    ...leftOver.map((process) => `${process} still ran when the night was over`),
    ...(tooLong ? ['the night did not end by itself'] : []),
  ];
}

/** Whatever befalls a night: if it ends by itself, it says how, by a code of the table that means something, and with a hint. */
export function checkTold({ exitCode, signal, result, said }: NightEnd): Findings {
  // V8 gives up by itself where there is no memory, and nobody can tell anything then.
  if (signal !== null || exitCode === 134 || exitCode === 133) return [];
  if (result === undefined) return [`the night ended with ${exitCode} and without a result: ${said.slice(-300)}`];
  const { error } = result as {
    readonly error?: { readonly code?: string; readonly message?: string; readonly hint?: string };
  };
  if (exitCode === 1) return [`the night ended as unexpected: ${error?.message}`];
  return error && !error.hint ? [`the night gave no hint: ${error.message}`] : [];
}

/** A probe of a run that was killed over it is taken away by a run that comes an hour later. */
const PROBE = /^\.coffre-probe-/;

/** Nothing unfinished where runs are, once the next one has been. */
export function checkUnfinished(places: readonly string[]): Findings {
  return places.flatMap((path) =>
    readdirSync(path)
      .filter((name) => name.startsWith('.') && !PROBE.test(name))
      .map((name) => `${join(path, name)} is left over`),
  );
}

/** Neither locks nor halves of files in the state, no debts, and nothing that waits to be published. */
export function checkState(state: string): Findings {
  const found = (readdirSync(state, { recursive: true }) as string[]).filter(
    (name) =>
      /(^|\/)(run\.lock|journal\.json)$/.test(name) ||
      /\.(partial|lock)$/.test(name) ||
      /^(outbox|owed|unrecorded)\/./.test(name),
  );
  return [...new Set(found)].map((name) => `${join(state, name)} is left over`);
}

/** What the night's own folder for temporary files still has. */
export function checkTemporary(folder: string): Findings {
  return existsSync(folder) ? readdirSync(folder).map((name) => `${join(folder, name)} is left over`) : [];
}

/** Git's own locks stop every later push. */
export function checkRepository(folder: string): Findings {
  return (readdirSync(folder, { recursive: true }) as string[])
    .filter((name) => name.endsWith('.lock'))
    .map((name) => `${join(folder, name)} is left over`);
}

import type { HostName } from '../model/names.ts';
import { factsOf, type SignedRecord } from './signed-record.ts';

/** In whose name a machine commits. */
export function authorOf(machine: HostName): { readonly name: string; readonly email: string } {
  return { name: `coffre ${machine}`, email: `coffre@${machine}` };
}

/** The message of a commit: the last record on the first line, the ones that were owed below. */
export function messageOf(waiting: readonly SignedRecord[]): string {
  const lines = waiting.map((signed) => factsOf(signed).line).reverse();
  const [last = '', ...owed] = lines;
  return owed.length === 0 ? `${last}\n` : `${last}\n\n${owed.reverse().join('\n')}\n`;
}

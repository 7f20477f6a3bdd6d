import { ERRORS, type ErrorCode } from '../model/error.ts';
import { formatTable, onOneLine } from './table.ts';

interface Place {
  readonly host: string;
  readonly place: string;
  readonly added: readonly string[];
  readonly present: readonly string[];
  readonly owed: readonly string[];
  readonly failed: readonly {
    readonly run: string | null;
    readonly code: ErrorCode;
    readonly message: string;
    readonly hint: string | undefined;
  }[];
}

/** What `keys rewrap` has done, for a person: a line a place, what failed and what is to be done again. */
export function formatRewrap(places: readonly Place[]): string {
  const rows = places.map(({ host, place, added, present, failed }) => [
    ...[host, place, String(added.length), String(present.length), failed.length === 0 ? '-' : String(failed.length)],
  ]);
  const told = places.flatMap(({ host, place, owed, failed }) => [
    ...failed.map(({ run, message, hint }) => {
      const what = run === null ? place : `${run} in ${place}`;
      return `${host} ${what}: ${onOneLine(message)}${hint === undefined ? '' : `\nhint: ${onOneLine(hint)}`}`;
    }),
    ...(owed.length === 0
      ? []
      : [
          `${host} ${place}: ${owed.join(', ')} has still to come, without the new envelope\nhint: run this again then`,
        ]),
  ]);
  const table = formatTable(['host', 'place', 'added', 'had it', 'failed'], rows, new Set([2, 3, 4]));
  return [table, ...told.map((text) => `\n${text}`)].join('\n');
}

/** 8 where the key opens a run not; else what the first failure says; 3 where runs are still to come somewhere. */
export function rewrapExit(places: readonly Place[]): number {
  const codes = places.flatMap(({ failed }) => failed.map(({ code }) => code));
  const worst = (['private-key', 'verification-failed'] as const).find((code) => codes.includes(code)) ?? codes[0];
  if (worst !== undefined) return ERRORS[worst].exit;
  return places.some(({ owed }) => owed.length > 0) ? ERRORS.owed.exit : 0;
}

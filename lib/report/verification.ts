import { ERRORS, type ErrorCode } from '../model/error.ts';
import { formatBytes } from './format.ts';
import { formatTable, onOneLine } from './table.ts';

interface Trouble {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string | undefined;
}

type Copy =
  | {
      readonly kind: 'compared';
      readonly run: string;
      readonly findings: readonly { readonly file: string; readonly why: string }[];
      readonly unknown: readonly string[];
      readonly segments: { readonly read: number; readonly total: number };
      readonly readBytes: number;
    }
  | { readonly kind: 'untrusted'; readonly run: string; readonly why: string }
  | { readonly kind: 'missing'; readonly run: string }
  | { readonly kind: 'unread'; readonly run: string; readonly error: Trouble };

interface Place {
  readonly host: string;
  readonly place: string;
  readonly copies: readonly Copy[];
  readonly error: Trouble | null;
}

/** What `verify` has found, for a person: a line a copy, every finding with what to do, and one sentence. */
export function formatVerification(places: readonly Place[]): string {
  const rows = places.flatMap(({ host, place, copies, error }) => [
    ...copies.map((copy) => [host, place, copy.run, ...cellsOf(copy)]),
    ...(copies.length === 0 && error === null ? [[host, place, '-', 'no runs', '']] : []),
    ...(error === null ? [] : [[host, place, '-', 'NOT READ', '']]),
  ]);
  const told = places.flatMap((place) => [
    ...place.copies.flatMap((copy) =>
      sentencesOf(copy).map((text) => `${place.host} ${place.place} ${copy.run}: ${text}`),
    ),
    // What has broken off the reading of a copy is told with that copy.
    ...(place.error === null || place.copies.some((copy) => copy.kind === 'unread' && copy.error === place.error)
      ? []
      : [`${place.host} ${place.place}: ${explained(place.error)}`]),
  ]);
  const table = formatTable(['host', 'place', 'run', 'copy', 'read'], rows);
  return [table, ...told.map((text) => `\n${text}`), `\n${verdictOf(places)}`].join('\n');
}

/** 5 where a copy is not what it should be; else what kept a place from being read: 2 or 8 where it says so, or 7. */
export function verificationExit(places: readonly Place[]): number {
  if (places.some(isBad)) return ERRORS['verification-failed'].exit;
  const exits = troublesOf(places).map(({ code }) => ERRORS[code].exit);
  return exits.find((exit) => exit === 8 || exit === 2) ?? (exits.length > 0 ? 7 : 0);
}

function cellsOf(copy: Copy): readonly string[] {
  switch (copy.kind) {
    case 'compared': {
      const { read, total } = copy.segments;
      const share = read === total ? 'every byte' : `${read} of ${total} segments`;
      return [copy.findings.length === 0 ? 'whole' : 'DAMAGED', `${share}, ${formatBytes(copy.readBytes)}`];
    }
    case 'untrusted':
      return ['NOT TRUSTED', ''];
    case 'missing':
      return ['MISSING', ''];
    case 'unread':
      return ['NOT READ', ''];
  }
}

function sentencesOf(copy: Copy): readonly string[] {
  switch (copy.kind) {
    case 'compared':
      return [
        ...copy.findings.map(({ file, why }) => `${file} ${onOneLine(why)}`),
        ...(copy.unknown.length === 0
          ? []
          : [`nobody vouches for ${copy.unknown.map(onOneLine).join(', ')}: not a part of the run, and not to be run`]),
      ];
    case 'untrusted':
      return [onOneLine(copy.why)];
    case 'missing':
      return [
        'a signed manifest says that it is there, and it is not\nhint: where a run has just ended, or could not end there, the next one brings it; else find out who has removed it',
      ];
    case 'unread':
      return [explained(copy.error)];
  }
}

function explained({ message, hint }: Trouble): string {
  return onOneLine(message) + (hint === undefined ? '' : `\nhint: ${onOneLine(hint)}`);
}

function verdictOf(places: readonly Place[]): string {
  const copies = places.flatMap((place) => place.copies);
  const runs = new Set(places.flatMap((place) => place.copies.map(({ run }) => `${place.host} ${run}`)));
  const bad = copies.filter(isBadCopy).length;
  const readBytes = copies.reduce((sum, copy) => sum + (copy.kind === 'compared' ? copy.readBytes : 0), 0);
  const of = `${count(copies.length, 'copy', 'copies')} of ${count(runs.size, 'run', 'runs')}, ${formatBytes(readBytes)} read`;
  const unread = troublesOf(places).length;
  const notRead = `NOT READ: ${count(unread, 'place or copy', 'places or copies')}`;
  const rest = unread === 0 ? '' : `; ${notRead}`;
  if (places.some(isBad)) {
    const advice =
      'keep what is bad, and take another copy; where it was damaged, look at the disk and at who was there';
    return `NOT SOUND: ${bad} of ${of}${rest}\nhint: ${advice}`;
  }
  if (!copies.some(({ kind }) => kind === 'compared')) return unread === 0 ? 'no runs' : notRead;
  return unread === 0 ? `sound: ${of}` : `what was read is sound: ${of}${rest}`;
}

function isBad({ copies, error }: Place): boolean {
  return error?.code === 'verification-failed' || copies.some(isBadCopy);
}

function isBadCopy(copy: Copy): boolean {
  return copy.kind === 'compared' ? copy.findings.length > 0 : copy.kind !== 'unread';
}

/** One for each place and copy: what broke a place off is told once. */
function troublesOf(places: readonly Place[]): readonly Trouble[] {
  return places.flatMap(({ copies, error }) => [
    ...copies.flatMap((copy) => (copy.kind === 'unread' && copy.error !== error ? [copy.error] : [])),
    ...(error === null ? [] : [error]),
  ]);
}

function count(n: number, one: string, many: string): string {
  return `${n} ${n === 1 ? one : many}`;
}

import { ERRORS, type ErrorCode } from '../model/error.ts';
import { formatBytes } from './format.ts';
import { oddsOfMissing, sampleFor } from './sample-odds.ts';
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
      readonly largestFile: number;
      readonly readBytes: number;
    }
  | { readonly kind: 'untrusted'; readonly run: string; readonly why: string; readonly hint?: string }
  | { readonly kind: 'missing'; readonly run: string }
  | { readonly kind: 'unread'; readonly run: string; readonly error: Trouble };

interface Place {
  readonly host: string;
  readonly place: string;
  readonly copies: readonly Copy[];
  readonly error: Trouble | null;
}

/** What was asked for. */
interface Asked {
  /** How many segments of each sealed file were read; null: all of them. */
  readonly sample: number | null;
  /** Whether it was one run of each host that was looked at. */
  readonly isOneRun: boolean;
}

/**
 * What `verify` has found, for a person: a line a copy, every finding with what to do, what a sample is worth, which copies
 * would restore a run right now, and one sentence.
 */
export function formatVerification(places: readonly Place[], asked: Asked): string {
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
  const paragraphs = [...told, ...chancesOf(places, asked), ...sourcesOf(places, asked), verdictOf(places)];
  return [table, ...paragraphs.map((text) => `\n${text}`)].join('\n');
}

/** What a sample may have missed: of the largest file that was not read as a whole, where it sees least. */
function chancesOf(places: readonly Place[], { sample }: Asked): readonly string[] {
  if (sample === null) return [];
  const compared = places.flatMap(({ copies }) => copies.flatMap((copy) => (copy.kind === 'compared' ? [copy] : [])));
  const total = Math.max(0, ...compared.map(({ largestFile }) => largestFile));
  if (total <= sample) return [];
  const [one, ten] = [0.01, 0.1].map(
    (share) => `${percent(oddsOfMissing(sample, total, share))} where ${share * 100} % of its segments are`,
  );
  const enough = sampleFor(0.05, total, 0.01);
  return [
    `of the largest file, with ${total} segments, the sample has missed a damage with a probability of ${one}, and ${ten}
hint: for less than 5 % with the first: --sample ${enough}`,
  ];
}

/** Rounded up, so that nothing that may be is called impossible. */
function percent(odds: number): string {
  const hundredth = Math.ceil(odds * 10_000 - 1e-6) / 100;
  return `${hundredth >= 10 ? Math.ceil(hundredth) : hundredth} %`;
}

interface Sources {
  readonly host: string;
  readonly run: string;
  readonly whole: string[];
  readonly bad: string[];
}

/** Which copies would restore a run right now: of those that were asked for, and of each that none would. */
function sourcesOf(places: readonly Place[], { isOneRun }: Asked): readonly string[] {
  const runs = new Map<string, Sources>();
  for (const { host, place, copies } of places) {
    for (const copy of copies) {
      const sources = runs.get(`${host} ${copy.run}`) ?? { host, run: copy.run, whole: [], bad: [] };
      runs.set(`${host} ${copy.run}`, sources);
      if (copy.kind === 'compared' && copy.findings.length === 0) sources.whole.push(place);
      else if (isBadCopy(copy)) sources.bad.push(place);
    }
  }
  return [...runs.values()].flatMap((sources) => {
    const { host, run, whole, bad } = sources;
    if (whole.length > 0 && !isOneRun) return [];
    const unread = places.filter((each) => each.host === host && isUnread(each, run)).map(({ place }) => place);
    const from = whole.length > 0 ? `would be restored right now from ${whole.join(', ')}` : 'HAS NO WHOLE COPY here';
    const not = bad.length > 0 ? `; not from ${bad.join(', ')}` : '';
    return [`${host} ${run} ${from}${not}${unread.length > 0 ? `; not read: ${unread.join(', ')}` : ''}`];
  });
}

function isUnread({ copies, error }: Place, run: string): boolean {
  const copy = copies.find((each) => each.run === run);
  return copy ? copy.kind === 'unread' : error !== null;
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
      return [explained({ message: copy.why, ...(copy.hint === undefined ? {} : { hint: copy.hint }) })];
    case 'missing':
      return [
        'a signed manifest says that it is there, and it is not\nhint: where a run has just ended, or could not end there, the next one brings it; else find out who has removed it',
      ];
    case 'unread':
      return [explained(copy.error)];
  }
}

function explained({ message, hint }: { readonly message: string; readonly hint?: string | undefined }): string {
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

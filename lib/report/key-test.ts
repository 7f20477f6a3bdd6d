import { ERRORS, type ErrorCode } from '../model/error.ts';
import { formatTable, onOneLine } from './table.ts';

interface Trouble {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string | undefined;
}

interface Test {
  readonly host: string;
  readonly opened: { readonly run: string; readonly place: string; readonly recipient: string | null } | null;
  readonly error: Trouble | null;
  readonly rejected: readonly (Trouble & { readonly place: string })[];
  readonly remark: string | null;
}

/** What `keys test` has found, for a person: a line a host, what is wrong and what mends it, and one sentence. */
export function formatKeyTest(tests: readonly Test[]): string {
  const rows = tests.map(({ host, opened, error }) =>
    opened
      ? [host, opened.run, opened.place, opened.recipient ?? '-', 'opens']
      : [host, '-', '-', '-', wordOf(error?.code)],
  );
  const told = tests.flatMap(({ host, rejected, error, remark }) => [
    ...rejected.map(({ place, message }) => `${host}: the copy in ${place} is not taken: ${onOneLine(message)}`),
    ...(error ? [`${host}: ${explained(error)}`] : []),
    ...(remark === null
      ? []
      : [`${host}: ${remark}\nhint: see whose keys they are: npx zx tasks/keys.ts list; keep this one for older runs`]),
  ]);
  const open = tests.filter(({ opened }) => opened).length;
  const of = `the newest run of ${open} of ${tests.length} ${tests.length === 1 ? 'host' : 'hosts'}`;
  const verdict = open === tests.length ? `key and passphrase open ${of}` : `KEY AND PASSPHRASE OPEN ONLY ${of}`;
  const table = formatTable(['host', 'run', 'copy', 'recipient', 'key'], rows);
  return [table, ...told.map((text) => `\n${text}`), `\n${verdict}; nothing was written`].join('\n');
}

/** 8 where the key does not open a run; else 5 where a copy is damaged; else what kept a run from being opened, such as 7. */
export function keyTestExit(tests: readonly Test[]): number {
  const codes = tests.flatMap(({ error }) => (error ? [error.code] : []));
  if (codes.includes('private-key')) return ERRORS['private-key'].exit;
  const damaged = ERRORS['verification-failed'].exit;
  if (codes.includes('verification-failed')) return damaged;
  if (tests.some(({ rejected }) => rejected.some(({ code }) => code === 'verification-failed'))) return damaged;
  const exits = codes.map((code) => ERRORS[code].exit);
  return exits.find((exit) => exit === 7) ?? exits[0] ?? 0;
}

function wordOf(code: ErrorCode | undefined): string {
  switch (code) {
    case 'private-key':
      return 'DOES NOT OPEN';
    case 'verification-failed':
      return 'DAMAGED';
    default:
      return 'NOT TRIED';
  }
}

function explained({ message, hint }: Trouble): string {
  return onOneLine(message) + (hint === undefined ? '' : `\nhint: ${onOneLine(hint)}`);
}

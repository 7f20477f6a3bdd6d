import { createHash } from 'node:crypto';
import { CoffreError } from '../model/error.ts';

/*
 * A private key as text that a person can type, and a camera read. The first line says how many lines follow and what the SHA-256
 * of the whole file is; each of these has a number, 64 characters of base64, and the first four hex digits of the SHA-256 of
 * number and characters, so that a mistake is found where it was made:
 *
 *   coffre-key 1 51 9f86d081…
 *   01 MIIJtTBfBgkqhkiG9w0BBQ0wUjAxBgkqhkiG9w0BBQwwJAQQyqF4… 3fa9
 */

const BEGIN = '-----BEGIN ENCRYPTED PRIVATE KEY-----';
const END = '-----END ENCRYPTED PRIVATE KEY-----';
const WIDTH = 64;
/** Only what is under a passphrase goes on paper. */
const PROTECTED = new RegExp(`^\\s*${BEGIN}\\s+([A-Za-z0-9+/=\\s]+?)\\s*${END}\\s*$`);
const HEADER = /^coffre-key\s+1\s+(\d{1,3})\s+([0-9a-f\s]{64,200})$/i;
const LINE = /^(\d{1,3})\s+(\S.*?)\s+([0-9a-f]{4})$/i;

export interface PaperKey {
  /** The file that comes out of the paper again, byte by byte. */
  readonly pem: string;
  /** SHA-256 of that file. */
  readonly sha256: string;
  readonly header: string;
  /** The numbered lines, without blanks inside the characters. */
  readonly lines: readonly string[];
}

/** Throws `private-key` for what is no PKCS#8 key under a passphrase. */
export function paperKey(text: string): PaperKey {
  const body = PROTECTED.exec(text)?.[1]?.replace(/\s/g, '');
  if (body === undefined) {
    throw new CoffreError('private-key', 'cannot put this key on paper: it is no PKCS#8 key under a passphrase', {
      hint: 'make one of it: openssl pkcs8 -topk8 -v2 aes-256-cbc -in KEY -out NEW; without a passphrase it would open everything',
    });
  }
  const pieces = body.match(/.{1,64}/g) ?? [];
  const digits = Math.max(2, String(pieces.length).length);
  const pem = pemOf(pieces);
  const sha256 = hash(pem);
  return {
    ...{ pem, sha256, header: `coffre-key 1 ${pieces.length} ${sha256}` },
    lines: pieces.map((piece, index) => {
      const numbered = `${String(index + 1).padStart(digits, '0')} ${piece}`;
      return `${numbered} ${hash(numbered).slice(0, 4)}`;
    }),
  };
}

/**
 * The file, out of what was typed or scanned: lines in any order, and more than once; blanks count for nothing, other lines are passed
 * over. Throws `verification-failed` with a finding for each line that is missing or wrong.
 */
export function readPaperKey(text: string): string {
  const rows = text.split(/\r?\n/).map((row) => row.trim());
  const headers = new Set(rows.flatMap((row) => HEADER.exec(row)?.slice(1, 3).map(withoutBlanks).join(' ') ?? []));
  const [header = '', ...others] = headers;
  if (header === '') throw unreadable(['the first line is missing: coffre-key 1 …']);
  if (others.length > 0) throw unreadable(['there are first lines of several keys: take those of one']);
  const [count = '', wanted = ''] = header.toLowerCase().split(' ');
  const pieces = new Map<number, string>();
  const wrong = new Map<number, string>();
  for (const row of rows) {
    const [, digits, content, check] = LINE.exec(row) ?? [];
    if (digits === undefined || content === undefined || check === undefined) continue;
    const piece = withoutBlanks(content);
    const fits = (each: string) => hash(`${digits} ${each}`).slice(0, 4) === check.toLowerCase();
    if (fits(piece)) pieces.set(Number(digits), piece);
    else wrong.set(Number(digits), mistakeIn(piece, fits));
  }
  const numbers = Array.from({ length: Number(count) }, (_, index) => index + 1);
  const findings = numbers.flatMap((number) => {
    if (pieces.has(number)) return [];
    return [`line ${number} ${wrong.get(number) ?? 'is missing'}`];
  });
  if (findings.length > 0) throw unreadable(findings);
  const pem = pemOf(numbers.map((number) => pieces.get(number) ?? ''));
  if (hash(pem) === wanted) return pem;
  throw unreadable([
    'every line fits, and the whole does not: look at the first line, and whether all lines are of one key',
  ]);
}

/** Characters that are taken for each other. */
const ALIKE = [
  '0OoQD',
  '1lIi|',
  '5Ss',
  '8B',
  '2Zz',
  'gq9',
  'uv',
  'UV',
  'cC',
  'xX',
  'wW',
  'kK',
  'pP',
  'vV',
  'yY',
  '6b',
  'nh',
];

/** What is wrong with a line; with the one character that would mend it, where there is one. */
function mistakeIn(piece: string, fits: (piece: string) => boolean): string {
  const mended = [...piece].flatMap((typed, at) => {
    const others = ALIKE.filter((set) => set.includes(typed)).flatMap((set) => [...set]);
    return others
      .filter((other) => other !== typed && fits(piece.slice(0, at) + other + piece.slice(at + 1)))
      .map((other) => `its character ${at + 1} may be ${other}, and not ${typed}`);
  });
  const length = piece.length === WIDTH ? '' : `, and has ${piece.length} characters`;
  return `does not fit its last four digits${mended.length === 1 ? `: ${mended[0]}` : length}`;
}

function pemOf(pieces: readonly string[]): string {
  return `${[BEGIN, ...pieces, END].join('\n')}\n`;
}

function withoutBlanks(text: string): string {
  return text.replace(/\s/g, '');
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function unreadable(findings: readonly string[]): CoffreError {
  return new CoffreError(
    'verification-failed',
    `cannot read the key: ${findings.length === 1 ? findings[0] : `${findings.length} lines are missing or wrong`}`,
    {
      hint: 'compare these lines with the paper, mend the text, and read it again',
      findings: findings.length === 1 ? [] : findings,
    },
  );
}

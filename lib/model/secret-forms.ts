/**
 * The shortest text that is looked for, in characters. A secret below that cannot be told from a word that stands there for
 * another reason: to blank it would blank the message, and tell by its gaps what the secret is.
 */
export const SHORTEST = 8;

/** The longest piece of a secret that is one needle: what is longer is looked for in pieces, so that a part is found too. */
const PIECE = 96;

/**
 * Every form in which a secret could stand in a text: as it is, in base64 (at each of its three alignments, in both alphabets),
 * in hex, percent-encoded, and escaped or quoted as JSON, SQL, a shell, an option file, HTML and a line of a terminal have it.
 * A secret of several lines, such as a key, is looked for line by line; the lines that only frame a key are no secret.
 *
 * Forms shorter than `SHORTEST` are left out.
 */
export function formsOf(secret: string | Uint8Array): readonly string[] {
  const texts = typeof secret === 'string' ? [secret] : textsOf(Buffer.from(secret));
  const forms = texts.flatMap((text) => [...quoted(text), ...piecesOf(text).flatMap(formsOfPiece)]);
  return [...new Set(forms)].filter((form) => form.length >= SHORTEST);
}

/** Bytes that are no UTF-8 come into a text in one of two ways: each byte as a character, or the wrong ones as U+FFFD. */
function textsOf(bytes: Buffer): readonly string[] {
  return [...new Set([bytes.toString('utf8'), bytes.toString('latin1')])];
}

/** Cut where a line ends, and where a piece is long enough. */
function piecesOf(text: string): readonly string[] {
  const lines = text.split(/\r?\n/);
  const isKey = lines.some((line) => FRAME.test(line));
  return lines.filter((line) => !isKey || !(FRAME.test(line) || HEADER.test(line))).flatMap(cut);
}

const FRAME = /^-----(BEGIN|END) /;
/** Of an older form of PEM: RFC 1421. */
const HEADER = /^[A-Za-z-]+: /;

function cut(line: string): readonly string[] {
  if (line.length <= PIECE) return [line];
  const pieces = Math.ceil(line.length / PIECE);
  const size = Math.ceil(line.length / pieces);
  return Array.from({ length: pieces }, (_, index) => line.slice(index * size, (index + 1) * size));
}

function formsOfPiece(piece: string): readonly string[] {
  const bytes = [Buffer.from(piece, 'utf8'), ...(/^[\0-\xff]*$/.test(piece) ? [Buffer.from(piece, 'latin1')] : [])];
  return [...quoted(piece), ...bytes.flatMap((each) => [...inBase64(each), ...inHex(each)])];
}

/**
 * What of the base64 of some bytes is the same whatever stands before and behind them: in front 0, 1 or 2 bytes are missing
 * from a group of three, and the characters that hold bits of a neighbour are left out.
 */
function inBase64(bytes: Buffer): readonly string[] {
  return [0, 1, 2].flatMap((before) => {
    const whole = Buffer.concat([Buffer.alloc(before), bytes]);
    const from = Math.ceil((before * 8) / 6);
    const to = Math.floor((whole.length * 8) / 6);
    const text = whole.toString('base64').slice(from, to);
    return [text, text.replaceAll('+', '-').replaceAll('/', '_')];
  });
}

function inHex(bytes: Buffer): readonly string[] {
  const hex = bytes.toString('hex');
  return [hex, hex.toUpperCase()];
}

/** The forms in which it can still be read, but for its quotes and escapes. */
function quoted(text: string): readonly string[] {
  const json = JSON.stringify(text).slice(1, -1);
  const url = percentEncoded(text, /[A-Za-z0-9_.!~*'()-]/);
  return [
    text,
    json,
    JSON.stringify(json).slice(1, -1),
    json.replace(/[\u0080-\uffff]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`),
    url,
    url.replace(/%../g, (code) => code.toLowerCase()),
    percentEncoded(text, FORM).replaceAll('%20', '+'),
    percentEncoded(text, USER_INFO),
    percentEncoded(text, /[A-Za-z0-9_.~-]/),
    percentEncoded(text, /[A-Za-z0-9_.!~*'();/?:@&=+$,#-]/),
    text.replaceAll("'", "''"),
    text.replaceAll('\\', '\\\\').replaceAll("'", "''"),
    text.replace(/[\\'"]/g, '\\$&'),
    text.replace(/[\\'"\n\r\0]/g, (sign) => SQL_ESCAPES[sign] ?? `\\${sign}`),
    text.replaceAll('\\', '\\\\').replaceAll('"', '\\"'),
    text.replaceAll("'", `'\\''`),
    text.replaceAll("'", `'"'"'`),
    text.replace(/[\\"$`]/g, '\\$&'),
    text.replace(/[\\']/g, '\\$&'),
    text.replace(/[&<>"']/g, (sign) => HTML[sign] ?? sign),
    text.replace(/\p{Cc}/gu, (sign) => `\\x${sign.charCodeAt(0).toString(16).padStart(2, '0')}`),
  ];
}

/** Of a form, and of what stands before a host: https://url.spec.whatwg.org/#percent-encoded-bytes */
const FORM = /[A-Za-z0-9*._-]/;
const USER_INFO = /[A-Za-z0-9!$%&'()*+,._~-]/;
const SQL_ESCAPES: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\0': '\\0' };
const HTML: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

function percentEncoded(text: string, kept: RegExp): string {
  return [...Buffer.from(text, 'utf8')]
    .map((byte) => {
      const sign = String.fromCharCode(byte);
      return byte < 0x80 && kept.test(sign) ? sign : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    })
    .join('');
}

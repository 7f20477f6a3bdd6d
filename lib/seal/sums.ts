import { CoffreError } from '../model/error.ts';
import { Sha256 } from '../model/names.ts';

/** Names that `sha256sum` writes as they are: no folder, no backslash, no line break. */
const PLAIN_NAME = /^[^\\\n\r\0/]+$/;
const LINE = /^([0-9a-f]{64}) [ *]([^\\\n\r\0/]+)$/;

/** SHA256SUMS as `sha256sum -c` reads it, sorted by name. Source: sha256sum(1). */
export function encodeSums(sums: ReadonlyMap<string, Sha256>): string {
  const names = [...sums.keys()].sort();
  const odd = names.find((name) => !PLAIN_NAME.test(name));
  if (odd !== undefined) throw new Error(`not a plain file name: ${JSON.stringify(odd)}`);
  return names.map((name) => `${sums.get(name)}  ${name}\n`).join('');
}

/** The digests by file name. Throws `verification-failed` for any line of another form, or a name that comes twice. */
export function parseSums(text: string): ReadonlyMap<string, Sha256> {
  const sums = new Map<string, Sha256>();
  const lines = text.split('\n');
  if (lines.pop() !== '') throw unreadable(lines.length + 1);
  lines.forEach((line, index) => {
    const [, digest, name] = LINE.exec(line) ?? [];
    if (digest === undefined || name === undefined || sums.has(name)) throw unreadable(index + 1);
    sums.set(name, Sha256.parse(digest));
  });
  return sums;
}

function unreadable(line: number): CoffreError {
  return new CoffreError('verification-failed', `cannot read SHA256SUMS: line ${line} is not a digest and a name`, {
    hint: 'take SHA256SUMS from another copy of the run',
  });
}

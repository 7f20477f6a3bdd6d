import { createHash, type Hash } from 'node:crypto';
import { madeBy } from './made-by.ts';
import type { Piece } from './piece.ts';
import type { Section } from './sections.ts';
import { canonicalSequence } from './sequence-text.ts';
import { type DumpPart, StatementReader } from './statement-reader.ts';

/** An object of a dump, so that two of the same name can be compared in words. */
export interface ObjectContent {
  readonly kind: 'table' | 'sequence' | 'view' | 'routine' | 'trigger' | 'event';
  readonly name: string;
  /** SHA-256 of what makes it, in hex. */
  readonly definition: string;
  /** Of a table: how many there are; null for another object, and where the dump program has not written them line by line. */
  readonly rows: number | null;
  /** SHA-256 of them, in hex. */
  readonly rowsDigest: string;
}

interface Growing {
  readonly kind: ObjectContent['kind'];
  readonly name: string;
  readonly definition: Hash;
  /** By lane: those of a table are read in any order, and each has its own. */
  readonly rows: Map<number, Hash>;
  count: number;
  isCounted: boolean;
}

const [NEWLINE, VALUES] = [0x0a, Buffer.from('VALUES')];

/**
 * Reads a dump for its objects, by `kind name`. Of rows nothing is kept but their number and a digest; mariadb-dump writes each
 * on a line of its own, and escapes every line end inside a value.
 */
export async function readObjectContents(pieces: AsyncIterable<Piece>): Promise<ReadonlyMap<string, ObjectContent>> {
  const reader = new StatementReader();
  const objects = new Map<string, Growing>();
  let last: Section | undefined;
  const objectOf = (kind: Growing['kind'], name: string) => {
    const key = `${kind} ${name}`;
    const known = objects.get(key);
    if (known) return known;
    const made = {
      kind,
      name,
      definition: createHash('sha256'),
      rows: new Map(),
      count: 0,
      isCounted: kind === 'table',
    };
    objects.set(key, made);
    return made;
  };
  const take = ({ kind, name, lane = 0 }: Section, parts: readonly DumpPart[]) => {
    for (const part of parts) {
      if (part.kind === 'insert') addRows(objectOf('table', name ?? ''), lane, part);
      else if (part.kind === 'statement') {
        const made = madeBy(part.bytes.toString('latin1'), part.rules);
        if (made) objectOf(made.kind, made.name).definition.update(part.bytes);
        else if (kind === 'table' || kind === 'sequence')
          addDefinition(objectOf(kind, name ?? ''), kind === 'sequence' ? canonicalSequence(part.bytes) : part.bytes);
      }
    }
  };
  for await (const piece of pieces) {
    if (last && (piece.opens || piece.section !== last)) take(last, reader.flush());
    last = piece.section;
    take(piece.section, reader.push(piece.bytes));
  }
  if (last) take(last, reader.flush());
  return new Map([...objects].map(([key, object]) => [key, finished(object)]));
}

/** What is set around triggers is no part of the table that has them. */
function addDefinition({ definition }: Growing, statement: Buffer): void {
  if (/^(?:CREATE|DO|SELECT|ALTER TABLE) /.test(statement.toString('latin1', 0, 32))) definition.update(statement);
}

function addRows(table: Growing, lane: number, { bytes, rows }: DumpPart & { kind: 'insert' }): void {
  const hash = table.rows.get(lane) ?? createHash('sha256');
  table.rows.set(lane, hash);
  if (!rows) return;
  hash.update(bytes);
  const begins = bytes.length > VALUES.length && VALUES.equals(bytes.subarray(0, VALUES.length));
  if (begins && bytes[VALUES.length] !== NEWLINE) table.isCounted = false;
  for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) table.count += 1;
}

function finished({ kind, name, definition, rows, count, isCounted }: Growing): ObjectContent {
  const lanes = [...rows].sort(([a], [b]) => a - b).map(([, hash]) => hash.digest('hex'));
  const rowsDigest = createHash('sha256').update(lanes.join()).digest('hex');
  return { kind, name, definition: definition.digest('hex'), rows: isCounted ? count : null, rowsDigest };
}

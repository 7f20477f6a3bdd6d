import type { Bytes } from '../model/stages.ts';
import { DumpReader } from './dump-reader.ts';
import type { Piece } from './piece.ts';

/**
 * What a stretch of a group's dump is: the head, the tables of a database, the views of a database, or the end. The dump
 * program goes over all databases for their tables, routines and events, and then over all of them again for views.
 */
export interface GroupPart {
  readonly kind: 'head' | 'tables' | 'views' | 'trailer';
  /** null for the two ends. */
  readonly database: string | null;
}

/** Bytes of one part, a view of a chunk of the dump. `part` is the same object for all chunks of a part. */
export interface PartChunk {
  readonly part: GroupPart;
  readonly bytes: Buffer;
}

const NEWLINE = Buffer.from('\n');

/**
 * The dump of several databases in its parts, byte for byte. A database's part begins with the empty line above its
 * marker, so that what comes before it ends as if it were the last.
 */
export async function* readGroupParts(group: Bytes): AsyncGenerator<PartChunk, void, undefined> {
  const reader = new DumpReader({ databases: true });
  const seen = new Set<string>();
  let part: GroupPart = { kind: 'head', database: null };
  let heldNewline = false;
  function* partsOf({ section, opens, bytes }: Piece): Generator<PartChunk> {
    const begins = opens && section.kind === 'database';
    if (heldNewline && !begins) yield { part, bytes: NEWLINE };
    if (begins) {
      const database = section.name ?? '';
      part = { kind: seen.has(database) ? 'views' : 'tables', database };
      seen.add(database);
      if (heldNewline) yield { part, bytes: NEWLINE };
    } else if (opens && section.kind === 'trailer') part = { kind: 'trailer', database: null };
    heldNewline = bytes.at(-1) === NEWLINE[0];
    const rest = heldNewline ? bytes.subarray(0, -1) : bytes;
    if (rest.length > 0) yield { part, bytes: rest };
  }
  for await (const chunk of group) {
    for (const piece of reader.push(chunk)) yield* partsOf(piece);
  }
  for (const piece of reader.end()) yield* partsOf(piece);
  if (heldNewline) yield { part, bytes: NEWLINE };
}

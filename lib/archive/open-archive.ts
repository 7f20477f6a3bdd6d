import type { Compression } from '../model/compression.ts';
import { CoffreError } from '../model/error.ts';
import { OBJECT_KINDS } from '../model/object-counts.ts';
import type { Bytes } from '../model/stages.ts';
import { memberName } from './archive-stream.ts';
import type { TarEntry } from './day-tar.ts';
import { decompress } from './decompress.ts';
import { type ArchiveDigests, DIGESTS_MEMBER, parseDigests, type SectionDigest } from './digests.ts';
import type { Piece } from './piece.ts';
import { SectionDigester } from './section-digester.ts';
import { SectionLines } from './section-lines.ts';
import { describeSection, type Section } from './sections.ts';
import { readTar } from './tar-reader.ts';

/** An archive that is being read, as `sql` or as `pieces`. */
export interface OpenedArchive {
  /** The dump, byte for byte. Throws `verification-failed` at its end at the latest when anything differs. */
  readonly sql: Bytes;
  /** The same dump in pieces, of a reader that splits tables; each its reader's only until the next one is asked for. */
  readonly pieces: AsyncIterable<Piece>;
  /** What the archive says of itself, once all has been read to its end and has proved true. */
  readonly digests: Promise<ArchiveDigests>;
  /** The section that a line of the dump stands in, from 1 on, as far as `sql` has been read. */
  sectionAt(line: number): Section | undefined;
}

const NO_BYTES = Buffer.alloc(0);
/** 100,000 tables come to 20 MB. */
const DIGESTS_LIMIT = 256 * 1024 * 1024;

/**
 * The mirror of `archiveDump`. The SHA-256 of every section is taken anew and compared with the one in the archive.
 * `subject` names the archive, for sentences; the archive's name says how it is compressed (`compressionOf`).
 */
export function openArchive(bytes: Bytes, subject = 'the archive', compression: Compression = 'gzip'): OpenedArchive {
  let settle: { resolve: (digests: ArchiveDigests) => void; reject: (error: unknown) => void } | undefined;
  const digests = new Promise<ArchiveDigests>((resolve, reject) => {
    settle = { resolve, reject };
  });
  digests.catch(() => undefined);
  const lines = new SectionLines();
  const damaged = () => differs(subject, `its ${compression} is damaged or cut short`);
  async function* read(splitsTables: boolean): AsyncGenerator<{ chunk: Buffer; pieces: readonly Piece[] }> {
    const digester = new SectionDigester({ splitsTables });
    let told: ArchiveDigests | undefined;
    let number = 0;
    const take = (pieces: readonly Piece[]) => {
      for (const piece of pieces) digester.add(piece, number);
      return pieces;
    };
    try {
      for await (const entry of readTar(decompress(bytes, compression, damaged), subject)) {
        if (told) throw differs(subject, `${entry.name} stands after ${DIGESTS_MEMBER}`);
        if (entry.name === DIGESTS_MEMBER) {
          told = await readDigests(entry, subject);
          continue;
        }
        number += 1;
        if (entry.name !== memberName(number)) throw differs(subject, `${memberName(number)} is missing`);
        for await (const chunk of entry.content) yield { chunk, pieces: take(digester.push(chunk)) };
      }
      const last = take(digester.end());
      if (!told) throw differs(subject, `${DIGESTS_MEMBER} is missing`);
      assertSame(subject, told, digester.digests());
      settle?.resolve(told);
      yield { chunk: NO_BYTES, pieces: last };
    } catch (error) {
      settle?.reject(error);
      throw error;
    } finally {
      settle?.reject(new CoffreError('interrupted', `cannot check ${subject}: it was not read to its end`));
    }
  }
  async function* sql(): Bytes {
    for await (const { chunk, pieces } of read(false)) {
      for (const piece of pieces) lines.add(piece);
      if (chunk.length > 0) yield chunk;
    }
  }
  async function* inPieces() {
    for await (const { pieces } of read(true)) yield* pieces;
  }
  return { sql: sql(), pieces: inPieces(), digests, sectionAt: (line) => lines.sectionAt(line) };
}

async function readDigests(entry: TarEntry, subject: string): Promise<ArchiveDigests> {
  if (entry.sizeBytes > DIGESTS_LIMIT) throw differs(subject, `${DIGESTS_MEMBER} is too large`);
  const parts: Buffer[] = [];
  for await (const part of entry.content) parts.push(Buffer.from(part));
  return parseDigests(Buffer.concat(parts));
}

function assertSame(subject: string, told: ArchiveDigests, found: ArchiveDigests): void {
  if (told.sections.length !== found.sections.length) throw differs(subject, 'it has another number of sections');
  told.sections.forEach((section, index) => {
    const other = found.sections[index];
    if (other && isSame(section, other)) return;
    throw differs(subject, `${describeSection(section)} does not have the SHA-256 that was noted when it was dumped`);
  });
  const sameCounts = OBJECT_KINDS.every((kind) => told.counts[kind] === found.counts[kind]);
  if (told.bytes !== found.bytes || !sameCounts) throw differs(subject, 'its totals differ');
}

function isSame(a: SectionDigest, b: SectionDigest): boolean {
  return a.kind === b.kind && a.name === b.name && a.lane === b.lane && a.sha256 === b.sha256 && a.bytes === b.bytes;
}

function differs(subject: string, why: string): CoffreError {
  return new CoffreError('verification-failed', `cannot open ${subject}: ${why}`, {
    hint: 'take another copy of this run: npx zx tasks/list.ts',
  });
}

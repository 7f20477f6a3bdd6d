import { CoffreError } from '../model/error.ts';
import type { LanedTables } from '../model/lanes.ts';
import { type ArchiveStream, asStage, type Bytes, type DumpStream } from '../model/stages.ts';
import type { Compressor } from './compressor.ts';
import { type ArchiveDigests, DIGESTS_MEMBER, encodeDigests } from './digests.ts';
import { mergeLanes } from './merge-lanes.ts';
import type { Piece } from './piece.ts';
import { SectionDigester } from './section-digester.ts';
import { END_OF_TAR, tarHeader, tarPadding } from './tar-blocks.ts';

/** What has gone into an archive. */
export interface ArchiveSummary extends Omit<ArchiveDigests, 'bytes'> {
  /** Size of the SQL. */
  readonly plainBytes: number;
  /** Size of the `.tar.gz` or `.tar.zst`. */
  readonly compressedBytes: number;
}

export interface DumpArchive {
  readonly stream: ArchiveStream;
  /** Settles when the stream has been read to its end, or has failed. */
  readonly summary: Promise<ArchiveSummary>;
}

/**
 * A member's size bounds the memory of an archive: its bytes are held until it is known how many they are. A member
 * ends at the next section once it has `WORTH_BYTES`, and inside a section only when it is full.
 */
const MEMBER_BYTES = 1024 * 1024;
const WORTH_BYTES = MEMBER_BYTES / 4;

/**
 * A dump as `.tar.gz`, or as what the compressor writes: members `000001.sql`, `000002.sql`, … whose concatenation is the dump, and `digests.sql`, of
 * SQL comments only, last. So `tar xzOf shop.tar.gz | mariadb` restores it.
 * The rows of laned tables stand in the same dump: see `mergeLanes`. All streams are read concurrently.
 * The stream throws what the dump throws, `dump-failed` when the dump lacks its end, and `compressor-failed`.
 */
export function archiveDump(dump: DumpStream, laned: LanedTables | null, compressor: Compressor): DumpArchive {
  let settle: { resolve: (summary: ArchiveSummary) => void; reject: (error: unknown) => void } | undefined;
  const summary = new Promise<ArchiveSummary>((resolve, reject) => {
    settle = { resolve, reject };
  });
  summary.catch(() => undefined);
  const digester = new SectionDigester();
  async function* archive(): Bytes {
    let compressedBytes = 0;
    let error: unknown = new CoffreError('interrupted', 'cannot finish the archive: nobody reads it any more');
    try {
      for await (const chunk of compressor.compress(tarOf(dump, laned, digester))) {
        compressedBytes += chunk.length;
        yield chunk;
      }
      const { bytes, ...rest } = withConditions(digester.digests(), laned);
      error = undefined;
      settle?.resolve({ ...rest, plainBytes: bytes, compressedBytes });
    } catch (thrown) {
      error = thrown;
      throw thrown;
    } finally {
      if (error !== undefined) settle?.reject(error);
    }
  }
  return { stream: asStage<ArchiveStream>(archive()), summary };
}

async function* tarOf(dump: DumpStream, laned: LanedTables | null, digester: SectionDigester): Bytes {
  const member = new Member();
  for await (const chunk of laned ? mergeLanes(dump, laned) : dump) {
    for (const piece of digester.push(chunk)) yield* fill(member, piece, digester);
  }
  for (const piece of digester.end()) yield* fill(member, piece, digester);
  if (!digester.complete) {
    throw new CoffreError('dump-failed', 'cannot archive the dump: it lacks its last line', {
      hint: 'run the backup again',
    });
  }
  yield* member.close();
  yield* tarMember(DIGESTS_MEMBER, encodeDigests(withConditions(digester.digests(), laned)));
  yield END_OF_TAR;
}

/** Notes the condition of each lane beside its digest, so that its rows can be dumped once more for comparing. */
function withConditions(digests: ArchiveDigests, laned: LanedTables | null): ArchiveDigests {
  const rows = laned?.lanes.flatMap((lane) => lane.rows) ?? [];
  const sections = digests.sections.map((section) => {
    const { name, lane } = section;
    if (lane === undefined) return section;
    return { ...section, where: rows.find(({ table, part }) => table === name && part === lane)?.where ?? null };
  });
  return { ...digests, sections };
}

/** One piece into the member at hand, and into as many more as it takes. */
function* fill(member: Member, piece: Piece, digester: SectionDigester): Generator<Buffer> {
  if (piece.opens && member.sizeBytes >= WORTH_BYTES) yield* member.close();
  let { opens, bytes } = piece;
  while (bytes.length > 0) {
    const part = bytes.subarray(0, MEMBER_BYTES - member.sizeBytes);
    digester.add({ ...piece, opens, bytes: part }, member.number);
    member.add(part);
    if (member.sizeBytes === MEMBER_BYTES) yield* member.close();
    bytes = bytes.subarray(part.length);
    opens = false;
  }
}

/** The member that is being filled, in one piece of memory: each write to the compressor costs more than the copy. */
class Member {
  number = 1;
  sizeBytes = 0;
  readonly #content = Buffer.allocUnsafeSlow(MEMBER_BYTES);

  add(part: Buffer): void {
    part.copy(this.#content, this.sizeBytes);
    this.sizeBytes += part.length;
  }

  /** Gives what there is as a member, and starts the next one. */
  *close(): Generator<Buffer> {
    if (this.sizeBytes === 0) return;
    yield* tarMember(memberName(this.number), this.#content.subarray(0, this.sizeBytes));
    this.number += 1;
    this.sizeBytes = 0;
  }
}

/** Name of the member with this number, from 1 on. */
export function memberName(number: number): string {
  return `${String(number).padStart(6, '0')}.sql`;
}

function* tarMember(name: string, content: Buffer): Generator<Buffer> {
  yield tarHeader(name, content.length);
  yield content;
  yield tarPadding(content.length);
}

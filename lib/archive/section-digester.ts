import { createHash, type Hash } from 'node:crypto';
import type { Sha256 } from '../model/names.ts';
import type { ArchiveDigests, SectionDigest } from './digests.ts';
import { DumpReader } from './dump-reader.ts';
import type { Piece } from './piece.ts';
import type { Section, SectionKind } from './sections.ts';
import { canonicalSequence } from './sequence-text.ts';

/** `hash` until the section is closed, `sha256` from then on. */
interface Found {
  readonly section: Section;
  hash: Hash | null;
  /** Of a sequence, which is short: what its digest is taken of, once there is all of it. */
  readonly sequence: Buffer[];
  sha256: Sha256;
  bytes: number;
  readonly firstMember: number;
  lastMember: number;
}

/** Sections that are gone on with after others have interrupted them: there are few. */
const INTERRUPTED: readonly SectionKind[] = ['rows', 'switch'];

/** Reads a dump and takes the SHA-256 of each of its sections on the way. */
export class SectionDigester {
  readonly #reader: DumpReader;
  readonly #found: Found[] = [];
  /** The open section of the database's own dump. */
  #main: Found | undefined;
  readonly #lanes = new Map<Section, Found>();
  #bytes = 0;

  /** `splitsTables` as in DumpReader. */
  constructor({ splitsTables = false } = {}) {
    this.#reader = new DumpReader({ splitsTables });
  }

  get complete(): boolean {
    return this.#reader.complete;
  }

  push(chunk: Buffer): Piece[] {
    return this.#reader.push(chunk);
  }

  end(): Piece[] {
    return this.#reader.end();
  }

  /** Takes a piece in. MUST be called for every piece, in order; a piece may be split. `member` has these bytes. */
  add({ section, opens, bytes }: Piece, member: number): void {
    const found = opens ? this.#open(section, member) : (this.#lanes.get(section) ?? this.#main);
    if (!found) throw new Error('a piece of a section that has not been opened');
    if (section.kind === 'sequence') found.sequence.push(Buffer.from(bytes));
    else found.hash?.update(bytes);
    found.bytes += bytes.length;
    found.lastMember = member;
    this.#bytes += bytes.length;
  }

  /** After the last piece. */
  digests(): ArchiveDigests {
    for (const each of this.#found) close(each);
    const { counts, largestStatementBytes } = this.#reader.tally;
    const sections = this.#found.map(({ section, sha256, bytes, firstMember, lastMember }) => {
      const members: SectionDigest['members'] = [firstMember, lastMember];
      return { ...section, sha256, bytes, members };
    });
    return { sections, bytes: this.#bytes, largestStatementBytes, counts };
  }

  #open(section: Section, member: number): Found {
    const hash = createHash('sha256');
    const members = { firstMember: member, lastMember: member };
    const found = { section, hash, sequence: [], sha256: '' as Sha256, bytes: 0, ...members };
    this.#found.push(found);
    if (INTERRUPTED.includes(section.kind)) {
      this.#lanes.set(section, found);
      return found;
    }
    if (this.#main) close(this.#main);
    this.#main = found;
    return found;
  }
}

/** The memory of a hash is not left to the garbage collector of a database with many tables. */
function close(found: Found): void {
  if (!found.hash) return;
  if (found.sequence.length > 0) found.hash.update(canonicalSequence(Buffer.concat(found.sequence.splice(0))));
  found.sha256 = found.hash.digest('hex') as Sha256;
  found.hash = null;
}

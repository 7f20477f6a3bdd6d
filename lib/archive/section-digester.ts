import { createHash, type Hash } from 'node:crypto';
import type { Sha256 } from '../model/names.ts';
import type { ArchiveDigests, SectionDigest } from './digests.ts';
import { DumpReader, type Piece } from './dump-reader.ts';
import type { Section } from './sections.ts';

interface Open {
  readonly section: Section;
  readonly hash: Hash;
  bytes: number;
  readonly firstMember: number;
  lastMember: number;
}

/** Reads a dump and takes the SHA-256 of each of its sections on the way. */
export class SectionDigester {
  readonly #reader = new DumpReader();
  readonly #closed: SectionDigest[] = [];
  #open: Open | undefined;
  #bytes = 0;

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
    if (opens || !this.#open) {
      this.#close();
      this.#open = { section, hash: createHash('sha256'), bytes: 0, firstMember: member, lastMember: member };
    }
    this.#open.hash.update(bytes);
    this.#open.bytes += bytes.length;
    this.#open.lastMember = member;
    this.#bytes += bytes.length;
  }

  /** After the last piece. */
  digests(): ArchiveDigests {
    this.#close();
    const { counts, largestStatementBytes } = this.#reader.tally;
    return { sections: [...this.#closed], bytes: this.#bytes, largestStatementBytes, counts };
  }

  #close(): void {
    if (!this.#open) return;
    const { section, hash, bytes, firstMember, lastMember } = this.#open;
    const sha256 = hash.digest('hex') as Sha256;
    this.#closed.push({ ...section, sha256, bytes, members: [firstMember, lastMember] });
    this.#open = undefined;
  }
}

import type { Section } from './sections.ts';

/** A run of bytes of one section, a view of the chunk that was handed in. `opens` on the first of a section. */
export interface Piece {
  readonly section: Section;
  readonly opens: boolean;
  /** In the section of a table: whether its rows have begun. Exact only for a reader that `splitsTables`. */
  readonly data: boolean;
  readonly bytes: Buffer;
  /**
   * Offset of the last place in `bytes` after an INSERT, 0 for none: there, as where a section opens, all settings are
   * those of the head of the dump, and rows of another table may stand.
   */
  readonly rest: number;
}

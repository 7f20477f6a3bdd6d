import type { ObjectCounts } from '../model/object-counts.ts';
import type { SectionKind } from './sections.ts';

/** Long enough for the words that tell what a statement makes, and for every sql_mode there is. */
export const HEAD_BYTES = 1024;

type Kind = keyof ObjectCounts;

/** What a statement makes, by the section that it stands in and its first words. */
const MAKES: Readonly<Partial<Record<SectionKind, readonly (readonly [RegExp, Kind])[]>>> = {
  table: [
    [/^CREATE TABLE /, 'tables'],
    [/^\/\*!\d+ CREATE\*\/ /, 'triggers'],
  ],
  triggers: [[/^\/\*!\d+ CREATE\*\/ /, 'triggers']],
  sequence: [[/^CREATE SEQUENCE /, 'sequences']],
  view: [[/^\/\*!\d+ CREATE /, 'views']],
  events: [[/^\/\*!\d+ CREATE\*\/ /, 'events']],
  routines: [[/^(?:\/\*!\d+ )?CREATE/, 'routines']],
};

/** Counts what the statements of a dump make, and how large they are. */
export class Tally {
  readonly #counts = { tables: 0, views: 0, sequences: 0, routines: 0, triggers: 0, events: 0 };
  #largestStatementBytes = 0;

  get counts(): ObjectCounts {
    return { ...this.#counts };
  }

  get largestStatementBytes(): number {
    return this.#largestStatementBytes;
  }

  /** `head` is the start of the statement; empty for an INSERT, which makes nothing. */
  add(section: SectionKind, head: string, statementBytes: number): void {
    this.#largestStatementBytes = Math.max(this.#largestStatementBytes, statementBytes);
    const made = MAKES[section]?.find(([words]) => words.test(head))?.[1];
    if (made) this.#counts[made] += 1;
  }
}

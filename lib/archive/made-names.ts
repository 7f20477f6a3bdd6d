import { madeBy } from './made-by.ts';
import type { Piece } from './piece.ts';
import { StatementReader } from './statement-reader.ts';

/** Objects that share their names with each other, and with no others. */
export type NamedKind = 'relation' | 'routine' | 'event';

/** The names of what a dump makes, as far as it has been read. A trigger is its table's. */
export class MadeNames {
  readonly #reader = new StatementReader();
  /** As they are, and all in lower case. */
  readonly #names = { exact: new Set<string>(), folded: new Set<string>() };

  /** Takes a piece of a dump, in order. */
  add({ section, opens, bytes }: Piece): void {
    switch (section.kind) {
      case 'table':
      case 'sequence':
      case 'view-placeholder':
      case 'view':
        if (opens) this.#note('relation', section.name ?? '');
        return;
      case 'routines':
      case 'events':
        if (opens) this.#reader.flush();
        for (const part of this.#reader.push(bytes)) {
          const made = part.kind === 'statement' ? madeBy(part.bytes.toString('latin1'), part.rules) : undefined;
          if (made?.kind === 'routine' || made?.kind === 'event') this.#note(made.kind, made.name);
        }
    }
  }

  /** Whether nothing has been read that makes anything. */
  get isEmpty(): boolean {
    return this.#names.exact.size === 0;
  }

  /** `folds`: whether the server takes names of tables that differ by case alone for the same, as it does for all others. */
  has(kind: NamedKind, name: string, folds: boolean): boolean {
    const { exact, folded } = this.#names;
    if (folds || kind !== 'relation') return folded.has(`${kind} ${name.toLowerCase()}`);
    return exact.has(`${kind} ${name}`);
  }

  #note(kind: NamedKind, name: string): void {
    this.#names.exact.add(`${kind} ${name}`);
    this.#names.folded.add(`${kind} ${name.toLowerCase()}`);
  }
}

/** What a mark of a chart is on the page: the class that the style gives colours to, and what is said of it. */
export interface Mark {
  readonly className: string;
  /** Shown when somebody points at it. */
  readonly title?: string;
}

/**
 * A chart library knows colours, and the page wants classes, so that one drawing suits both themes. So each mark is drawn
 * in a colour of its own, which says nothing but which mark it is.
 */
export class Inks {
  readonly #marks: Mark[] = [];
  readonly #plain = new Map<string, string>();

  /** The colour of a mark that stands for itself. */
  of(mark: Mark): string {
    this.#marks.push(mark);
    return `#${this.#marks.length.toString(16).padStart(6, '0')}`;
  }

  /** The one colour of all that looks like this. */
  plain(className: string): string {
    const ink = this.#plain.get(className) ?? this.of({ className });
    this.#plain.set(className, ink);
    return ink;
  }

  /** The mark that was drawn in `colour`; undefined for a colour that is none of these. */
  markOf(colour: string | undefined): Mark | undefined {
    const [, digits] = /^#([0-9a-f]{6})$/i.exec(colour ?? '') ?? [];
    return digits === undefined ? undefined : this.#marks[Number.parseInt(digits, 16) - 1];
  }
}

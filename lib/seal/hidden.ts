import { inspect } from 'node:util';

/**
 * What is never to be seen: printed, logged, inspected or put into JSON it says only what it is. Whoever extends it holds the
 * thing itself in private fields.
 */
export abstract class Hidden {
  readonly #shown: string;

  /** `what` it is, such as `passphrase`. */
  protected constructor(what: string) {
    this.#shown = `[${what}]`;
  }

  toString(): string {
    return this.#shown;
  }

  toJSON(): string {
    return this.#shown;
  }

  [inspect.custom](): string {
    return this.#shown;
  }
}

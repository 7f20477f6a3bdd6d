import { randomBytes } from 'node:crypto';
import { CoffreError } from '../model/error.ts';
import { learnSecret } from '../system/known-secrets.ts';
import { Hidden } from './hidden.ts';

const FORM = /^[0-9a-f]{64}$/;

/**
 * The passphrase that seals the data of one run: 32 random bytes as 64 hex digits. Text, because
 * `openssl -pass file:` stops at the first newline or NUL, which 22 of 100 passphrases of raw bytes would hold.
 *
 * Holds its text in private: printed, logged, inspected or put into JSON it says only what it is. The one way to
 * the text is `reveal`, for the cipher, the envelope, and the pinned connection that carries it to a host.
 */
export class Passphrase extends Hidden {
  readonly #text: string;

  private constructor(text: string) {
    super('passphrase');
    this.#text = text;
    learnSecret(text);
  }

  static random(): Passphrase {
    return new Passphrase(randomBytes(32).toString('hex'));
  }

  /** From its text, a last newline allowed. Throws `private-key`, and never repeats the text. */
  static parse(text: string): Passphrase {
    const line = text.replace(/\r?\n$/, '');
    if (FORM.test(line)) return new Passphrase(line);
    throw new CoffreError('private-key', 'cannot read the passphrase of the run: it is not 64 hex digits', {
      hint: 'unwrap it again from <recipient>.key.enc, as RECOVERY.txt in the folder of the run says',
    });
  }

  reveal(): string {
    return this.#text;
  }
}

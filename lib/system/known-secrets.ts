import { randomBytes } from 'node:crypto';
import { type PublicText, redact } from '../model/redact.ts';
import { SecretIndex } from '../model/secret-index.ts';

/** Those of this process, which ends with its task. No secret itself is in it. */
const known = new SecretIndex(randomBytes(32));

/**
 * From now on `secret` leaves this process in no text. To be called where a secret is read or made: a password, a passphrase, a
 * token, a private key in PEM.
 */
export function learnSecret(secret: string | Uint8Array): void {
  known.add(secret);
}

/** `text` as anybody may read it. */
export function publicText(text: string): PublicText {
  return redact(text, known);
}

/** `value` as one line of JSON, each text and each name in it as anybody may read it, after what `change` makes of it. */
export function publicJson(value: unknown, change = (_key: string, each: unknown) => each): string {
  return JSON.stringify(value, (key, given: unknown) => {
    const each = change(key, given);
    if (typeof each === 'string') return publicText(each);
    return isRecord(each) && Object.keys(each).some(isSecret) ? renamed(each) : each;
  });
}

const isSecret = (name: string) => publicText(name) !== name;

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function renamed(value: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [publicText(name), each]));
}

import { withoutRowData } from './row-data.ts';
import type { SecretIndex } from './secret-index.ts';
import { HIDDEN, withoutCredentials } from './secret-patterns.ts';

declare const checked: unique symbol;

/** A text that anybody may read: what leaves this process for a terminal, a log, a journal or a page. `redact` alone makes it. */
export type PublicText = string & { readonly [checked]: true };

/**
 * `text` without the secrets that are known, without anything that has the form of one, and without what foreign programs
 * repeat of rows. All else stays, character by character; a second time changes nothing.
 */
export function redact(text: string, secrets: SecretIndex): PublicText {
  return withoutRowData(withoutCredentials(withoutKnown(text, secrets))) as PublicText;
}

function withoutKnown(text: string, secrets: SecretIndex): string {
  const spans = secrets.find(text);
  if (spans.length === 0) return text;
  let left = '';
  let at = 0;
  for (const { start, end } of spans) {
    left += text.slice(at, start) + HIDDEN;
    at = end;
  }
  return left + text.slice(at);
}

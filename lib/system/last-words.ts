import type { PublicText } from '../model/redact.ts';
import { publicText } from './known-secrets.ts';

const LIMIT = 300;

/**
 * What a foreign program said last on its standard error, as anybody may read it: the last line with anything on it, or its
 * beginning. Undefined where it said nothing. All of it is looked through before a line is picked or cut: half a secret, or a row
 * without the sentence in front of it, would not be found any more.
 */
export function lastWords(said: string): PublicText | undefined {
  const lines = publicText(said)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  return lines.at(-1)?.slice(0, LIMIT) as PublicText | undefined;
}

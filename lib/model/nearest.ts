import { closest, distance } from 'fastest-levenshtein';

/** The one of `known` that somebody who typed `word` most likely meant; undefined where none is like it. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  if (known.length === 0 || word === '') return undefined;
  const best = known.find((one) => word.length >= 3 && one.startsWith(word)) ?? closest(word, known);
  const most = Math.max(1, Math.floor(word.length / 3));
  return best.startsWith(word) || distance(word, best) <= most ? best : undefined;
}

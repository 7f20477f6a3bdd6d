import { closest, distance } from 'fastest-levenshtein';

/** The one of `known` that somebody who typed `word` most likely meant; undefined where none is like it. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  if (known.length === 0 || word === '') return undefined;
  const best = known.find((one) => word.length >= 3 && one.startsWith(word)) ?? closest(word, known);
  const most = word.length < 4 ? 1 : Math.max(2, Math.floor(word.length / 3)); // two letters that have changed places count twice
  return best.startsWith(word) || distance(word, best) <= most ? best : undefined;
}

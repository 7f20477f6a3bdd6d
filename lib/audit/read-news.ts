import { descendsFrom, readNews } from './history.ts';
import type { Seen } from './witness.ts';

/**
 * What came since each key was seen to be valid no longer, by its fingerprint. A commit that is gone has no news: that it is
 * gone is found by the head that is remembered.
 */
export async function readNewsOf(repository: string, head: string, seen: Seen | null) {
  const news = new Map<string, ReadonlySet<string>>();
  const since = new Map<string, ReadonlySet<string>>();
  for (const [fingerprint, closed] of Object.entries(seen?.closed ?? {})) {
    const known = since.get(closed.head);
    const paths =
      known ??
      ((await descendsFrom(repository, head, closed.head))
        ? await readNews(repository, closed.head, head)
        : new Set<string>());
    since.set(closed.head, paths);
    news.set(fingerprint, paths);
  }
  return news;
}

/** One place in a stream of transactions: https://mariadb.com/kb/en/gtid/ */
export interface Gtid {
  readonly domain: number;
  readonly server: number;
  readonly sequence: bigint;
}

/** The last transaction of each domain, as `gtid_slave_pos` and its like have it: `0-1-99,1-2-7`. */
export type GtidSet = ReadonlyMap<number, Gtid>;

export function parseGtidSet(text: string): GtidSet {
  const all = text.split(',').flatMap((each): Gtid[] => {
    const [, domain, server, sequence] = /^(\d+)-(\d+)-(\d+)$/.exec(each.trim()) ?? [];
    if (domain === undefined || server === undefined || sequence === undefined) return [];
    return [{ domain: Number(domain), server: Number(server), sequence: BigInt(sequence) }];
  });
  return new Map(all.map((gtid) => [gtid.domain, gtid]));
}

/** Domain by domain in ascending order, so that equal sets have equal texts. */
export function formatGtidSet(set: GtidSet): string {
  return [...set.values()]
    .toSorted((a, b) => a.domain - b.domain)
    .map(({ domain, server, sequence }) => `${domain}-${server}-${sequence}`)
    .join(',');
}

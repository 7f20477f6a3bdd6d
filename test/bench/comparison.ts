import { formatTable } from '../../lib/report/table.ts';
import type { Contestant, Taken } from './contestant.ts';

/** One contestant's backup in one round, or why there is none. */
export type Measurement = { readonly contestant: string; readonly round: number } & (
  | { readonly kind: 'taken'; readonly taken: Taken }
  | { readonly kind: 'failed'; readonly why: string }
);

/** A contestant over all rounds: medians. */
export interface Standing {
  readonly name: string;
  readonly rounds: number;
  readonly wallMs: number;
  readonly busyMs: number;
  readonly peakBytes: number;
  readonly storedBytes: number;
  /** coffre's wall time as a part of this one's, each compared within its round; null without a round that has both. */
  readonly coffreTakes: number | null;
}

/** Whoever has a row in the table. */
export type Named = Pick<Contestant, 'name' | 'does' | 'leavesOut' | 'aim'>;

/** The standings of those that have a measurement, in the order of `contestants`. */
export function standingsOf(contestants: readonly Named[], measured: readonly Measurement[]): readonly Standing[] {
  const of = (name: string) =>
    measured.flatMap((each) => (each.kind === 'taken' && each.contestant === name ? [each] : []));
  const coffre = new Map(of('coffre').map(({ round, taken }) => [round, taken.wallMs]));
  return contestants.flatMap(({ name }) => {
    const own = of(name);
    if (own.length === 0) return [];
    const middle = (pick: (taken: Taken) => number) => median(own.map(({ taken }) => pick(taken)));
    const ratios = own.flatMap(({ round, taken }) => {
      const wallMs = coffre.get(round);
      return wallMs === undefined ? [] : [wallMs / taken.wallMs];
    });
    return [
      {
        name,
        rounds: own.length,
        wallMs: middle(({ wallMs }) => wallMs),
        busyMs: middle(({ busyMs }) => busyMs),
        peakBytes: Math.max(...own.map(({ taken }) => taken.peakBytes)),
        storedBytes: middle(({ storedBytes }) => storedBytes),
        coffreTakes: ratios.length > 0 ? median(ratios) : null,
      },
    ];
  });
}

/** The middle one; of two in the middle their mean. */
export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const [low, high] = [sorted[Math.floor((sorted.length - 1) / 2)], sorted[Math.floor(sorted.length / 2)]];
  return low === undefined || high === undefined ? Number.NaN : (low + high) / 2;
}

/** The standings as a table, and below it what each leaves out. `aims` where the aims count for this data. */
export function formatStandings(
  contestants: readonly Named[],
  standings: readonly Standing[],
  dumpedBytes: number,
  aims: boolean,
): string {
  const known = new Map(contestants.map((each) => [each.name, each]));
  const head = ['', 'seconds', 'MB/s of SQL', 'cores busy', 'MB kept', 'coffre takes', ...(aims ? ['aim'] : [])];
  const rows = standings.map(({ name, wallMs, busyMs, storedBytes, coffreTakes }) => [
    name,
    (wallMs / 1000).toFixed(1),
    (dumpedBytes / 1e3 / wallMs).toFixed(0),
    (busyMs / wallMs).toFixed(1),
    storedBytes === 0 ? '' : (storedBytes / 1e6).toFixed(0),
    coffreTakes === null || name === 'coffre' ? '' : `${coffreTakes.toFixed(2)} of it`,
    ...(aims ? [formatAim(known.get(name)?.aim ?? null, coffreTakes)] : []),
  ]);
  const notes = standings.flatMap(({ name }) => {
    const { does = '', leavesOut = [] } = known.get(name) ?? {};
    return [[name, does], ...(leavesOut.length > 0 ? [['', `leaves out: ${leavesOut.join(', ')}`]] : [])];
  });
  return `${formatTable(head, rows)}\n\n${notes.map(([name = '', text]) => `${name.padEnd(22)}${text}`).join('\n')}`;
}

function formatAim(aim: number | null, coffreTakes: number | null): string {
  if (aim === null || coffreTakes === null) return '';
  return `≤ ${aim.toFixed(2)} ${coffreTakes <= aim ? 'met' : 'MISSED'}`;
}

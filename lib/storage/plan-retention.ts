import type { Keep } from '../model/inventory.ts';
import type { OffsiteName, RecipientName, Sha256 } from '../model/names.ts';
import { bestOfPeriods, dayOfRun, PERIODS, type Period } from '../model/retention.ts';
import { type RunId, startOfRun } from '../model/run-id.ts';

import { longestRise } from './longest-rise.ts';

/** A run as it lies at one place. Whatever lies there without a signature that vouches for it is none of these. */
export interface HeldRun {
  readonly run: RunId;
  /** Its place in the chain of the host: the order in which runs were made, whatever the clock said. */
  readonly sequence: number;
  /** Whether this copy was read back or hashed over there, and found to be what was meant. */
  readonly verified: boolean;
  /** Keys that open it, as SHA-256 of the public key. */
  readonly opensWith: readonly Sha256[];
  /** Offsites that are still to get it from here. */
  readonly owedTo: readonly OffsiteName[];
}

export interface RetentionWish {
  readonly keep: Keep;
  readonly schedule: string;
  /** IANA name. */
  readonly timezone: string;
  readonly now: Date;
  /** The recipients of the host today, by the SHA-256 of their public keys. */
  readonly recipients: ReadonlyMap<Sha256, RecipientName>;
}

/** Why a run stays. */
export type Reason =
  /** The newest good one of a period, such as `2026-11-22`, `2026-W47`, `2026-11` or `2026`. */
  | { readonly kind: Period; readonly of: string }
  | { readonly kind: 'newest' }
  | { readonly kind: 'newest-verified' }
  /** No newer one can be opened by this recipient. */
  | { readonly kind: 'last-for'; readonly recipient: RecipientName }
  | { readonly kind: 'owed'; readonly to: OffsiteName }
  /** By its name it has not started yet: some clock is wrong. */
  | { readonly kind: 'future' }
  /** By its name it started before a run that was made before it, or after one that was made after it. */
  | { readonly kind: 'misdated' };

export interface PlannedRun {
  readonly run: RunId;
  /** Empty: it goes. */
  readonly reasons: readonly Reason[];
}

/** Clocks of a host and of whoever asks may differ by this much. */
const CLOCK_TOLERANCE_MS = 5 * 60_000;

/**
 * Says of each run at a place whether it stays, and why; the oldest first. Pure.
 *
 * For each period the newest good run of the newest so many days, weeks, months or years that have any stays: nights
 * without a run cost nothing, and many runs of one day count once. Days are those of the schedule: a run belongs to the
 * day on which it was due. What the clock says of now is asked for one thing alone, which runs are not to be believed:
 * those, and such as stand in another order than they were made in, stay and do not count. A verified run is preferred
 * to a later one of its period that is not.
 */
export function planRetention(held: readonly HeldRun[], wish: RetentionWish): readonly PlannedRun[] {
  const runs = [...held].sort((one, other) => one.sequence - other.sequence);
  const isFuture = ({ run }: HeldRun) => startOfRun(run).getTime() > wish.now.getTime() + CLOCK_TOLERANCE_MS;
  const present = runs.filter((each) => !isFuture(each));
  const rise = new Set(longestRise(present, ({ run }) => startOfRun(run).getTime()));
  const good = present.filter((each) => rise.has(each));
  const reasons = new Map<HeldRun, Reason[]>(runs.map((each) => [each, []]));
  const stays = (each: HeldRun | undefined, reason: Reason) => each && reasons.get(each)?.push(reason);
  const days = good.map((each) => [each, dayOfRun(each.run, wish)] as const);
  for (const period of PERIODS) {
    const best = bestOfPeriods(days, period, (later, earlier) => later.verified || !earlier.verified);
    for (const [of, each] of best.slice(0, wish.keep[period] ?? 0)) stays(each, { kind: period, of });
  }
  stays(good.at(-1), { kind: 'newest' });
  stays(good.filter(({ verified }) => verified).at(-1), { kind: 'newest-verified' });
  for (const [key, recipient] of wish.recipients)
    stays(good.filter(({ opensWith }) => opensWith.includes(key)).at(-1), { kind: 'last-for', recipient });
  for (const each of runs) {
    for (const to of each.owedTo) stays(each, { kind: 'owed', to });
    if (isFuture(each)) stays(each, { kind: 'future' });
    else if (!rise.has(each)) stays(each, { kind: 'misdated' });
  }
  return runs.map((each) => ({ run: each.run, reasons: reasons.get(each) ?? [] }));
}

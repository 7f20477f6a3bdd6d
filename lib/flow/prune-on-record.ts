import { asCoffreError } from '../model/error.ts';
import type { HostConfig } from '../model/inventory.ts';
import { OffsiteName } from '../model/names.ts';
import { KEEP_REASONS, type PruneRecord } from '../model/prune-record.ts';
import { type RunId, startOfRun } from '../model/run-id.ts';
import type { Clock } from '../system/clock.ts';
import { claimRun } from './claim-run.ts';
import { publishRecords, type RecordDraft } from './conclude-record.ts';
import { concludeKept, keepDraft } from './kept-drafts.ts';
import type { PlacePrune, PruneOrder } from './prune-order.ts';

type Draft = Extract<RecordDraft, { kind: 'prune' }>;
type Place = PruneRecord['places'][number];

/**
 * What a host removes by its retention, on record before it is gone: a kill leaves a draft that the next run signs, and
 * that says at most one run too many, which the next prune removes. Nothing is on record where nothing is removed.
 */
export class PruneOnRecord {
  readonly #host: HostConfig;
  readonly #clock: Clock;
  readonly #places = new Map<string, Place>();
  #startedAt: string | undefined;

  constructor(host: HostConfig, clock: Clock) {
    this.#host = host;
    this.#clock = clock;
  }

  /** MUST be called before a run goes. */
  async remove(planned: PlacePrune, run: RunId): Promise<void> {
    const name = this.#startedAt ?? startOfRun(await claimRun(this.#host.state.path, this.#clock, { kind: 'prune' }));
    this.#startedAt = typeof name === 'string' ? name : name.toISOString();
    this.#places.set(planned.place, placeOf({ ...planned, removed: [...planned.removed, run] }));
    await keepDraft(this.#host, this.#draft());
  }

  /** Signs what was done, and publishes it. What cannot be published yet is told, and waits for the next run. */
  async publish(done: readonly PlacePrune[], { clock, emit, signal }: PruneOrder): Promise<void> {
    if (this.#startedAt === undefined) return;
    for (const each of done) this.#places.set(each.place, placeOf(each));
    const tell = (why: string) => {
      const text = `what was removed is on record here, and the next run publishes it: ${why}`;
      emit({ kind: 'note', subject: this.#host.name, text });
    };
    try {
      await keepDraft(this.#host, this.#draft());
      await concludeKept(this.#host, clock);
      const publication = await publishRecords(this.#host, { clock, signal });
      if (publication.kind === 'owed') tell(publication.error.message);
    } catch (error) {
      tell(asCoffreError(error).message);
    }
  }

  #draft(): Draft {
    const places = [...this.#places.values()];
    const code = places.find(({ error }) => error !== null)?.error;
    const startedAt = this.#startedAt ?? this.#clock.now().toISOString();
    const outcome = code
      ? { outcome: 'failed' as const, error: { code } }
      : { outcome: 'succeeded' as const, error: null };
    return { kind: 'prune', startedAt, ...outcome, places };
  }
}

function placeOf({ place, runs, removed, error }: PlacePrune): Place {
  const reasons = runs.flatMap((run) => run.reasons.map(({ kind }) => kind));
  return {
    ...(place === 'store' || place === 'export'
      ? { kind: place, offsite: null }
      : { kind: 'offsite' as const, offsite: OffsiteName.parse(place.slice('offsite:'.length)) }),
    removed: [...removed],
    kept: runs.length - removed.length,
    reasons: KEEP_REASONS.flatMap((reason) => {
      const count = reasons.filter((each) => each === reason).length;
      return count === 0 ? [] : [{ reason, runs: count }];
    }),
    error: error?.code ?? null,
  };
}

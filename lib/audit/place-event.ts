import type { Copy } from '../model/manifest.ts';
import type { HostName } from '../model/names.ts';
import type { HostRecord } from '../model/record.ts';
import type { RunId } from '../model/run-id.ts';
import type { Verdict } from '../model/verify-record.ts';

/** A record of a host that is none of a run; null where a newer coffre has written it. */
interface Recorded {
  readonly host: HostName;
  readonly record: HostRecord | null;
  readonly trusted: boolean;
}

/** What became of copies of a host's runs at one place later on, as its own trusted records say. */
export interface PlaceEvent {
  readonly host: HostName;
  readonly kind: Copy['kind'];
  /** null unless `kind` is offsite. */
  readonly offsite: Copy['offsite'];
  /** `removed`: by retention; `bad`: found damaged, untrusted or missing; `good`: found whole again. */
  readonly what: 'removed' | 'bad' | 'good';
  readonly runs: readonly RunId[];
  /** When that was recorded, RFC 3339. */
  readonly at: string;
}

/** What trusted records of prunes and of verifications say. */
export function placeEventsOf(records: readonly Recorded[]): readonly PlaceEvent[] {
  return records.flatMap(({ host, record, trusted }) => (trusted && record ? eventsOf(host, record) : []));
}

function eventsOf(host: HostName, record: HostRecord): readonly PlaceEvent[] {
  const at = record.finishedAt;
  const event = (place: Pick<PlaceEvent, 'kind' | 'offsite'>, what: PlaceEvent['what'], runs: readonly RunId[]) =>
    runs.length === 0 ? [] : [{ host, kind: place.kind, offsite: place.offsite, what, runs, at }];
  switch (record.kind) {
    case 'prune':
      return record.places.flatMap((place) => event(place, 'removed', place.removed));
    case 'verify':
      return record.places.flatMap((place) => {
        const found = (...verdicts: Verdict[]) =>
          place.runs.filter(({ verdict }) => verdicts.includes(verdict)).map(({ run }) => run);
        return [
          ...event(place, 'bad', found('damaged', 'untrusted', 'missing')),
          ...event(place, 'good', found('whole')),
        ];
      });
    case 'provision':
    case 'key-rotation':
      return [];
  }
}

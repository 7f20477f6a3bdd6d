import type { Copy } from '../model/manifest.ts';
import type { HostName } from '../model/names.ts';
import type { RunId } from '../model/run-id.ts';

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

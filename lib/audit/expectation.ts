import type { DrillerConfig } from '../model/driller-config.ts';
import type { HostConfig } from '../model/inventory.ts';
import type { HostName, RecipientName, Sha256 } from '../model/names.ts';
import type { SignerSet } from './signer-set.ts';
import type { Seen } from './witness.ts';

/** What the inventory and the clock say, and what was seen before: the repository is judged by these alone. */
export interface Expectation {
  readonly hosts: ReadonlyMap<
    HostName,
    Pick<HostConfig, 'schedule' | 'timezone' | 'graceHours' | 'offsite' | 'drill' | 'retention' | 'verify'>
  >;
  /** The recipients of each host, and the fingerprints of their keys. */
  readonly recipients: ReadonlyMap<HostName, ReadonlyMap<RecipientName, Sha256>>;
  /** Keys that recipients had before, by fingerprint, and whose they were. */
  readonly retiredKeys?: ReadonlyMap<Sha256, RecipientName>;
  /** The certificates of recipients, PEM; bare keys too, which have no end. */
  readonly certificates?: ReadonlyMap<RecipientName, string>;
  readonly drillers: ReadonlyMap<HostName, Pick<DrillerConfig, 'hosts'>>;
  /** Hosts and drillers that have left the inventory and whose keys are marked as retired. */
  readonly retired: ReadonlySet<HostName>;
  /** Who may sign, or might. */
  readonly signers: SignerSet;
  /** What is remembered of the last look; null where nothing is. */
  readonly seen: Seen | null;
  readonly now: Date;
}

import type { DrillerConfig } from '../model/driller-config.ts';
import type { HostConfig } from '../model/inventory.ts';
import type { HostName } from '../model/names.ts';

/** What the inventory and the clock say: the repository is judged by these alone. */
export interface Expectation {
  readonly hosts: ReadonlyMap<HostName, Pick<HostConfig, 'schedule' | 'timezone' | 'graceHours' | 'offsite' | 'drill'>>;
  readonly drillers: ReadonlyMap<HostName, Pick<DrillerConfig, 'hosts'>>;
  /** Hosts and drillers that have left the inventory and whose keys are marked as retired. */
  readonly retired: ReadonlySet<HostName>;
  readonly now: Date;
}

import { resolve } from 'node:path';
import type { Inventory } from '../model/inventory.ts';
import type { AuditOverview, HostOverview } from '../model/overview.ts';
import { deadlineAfter } from '../model/schedule.ts';
import { formatMetrics } from '../report/prometheus.ts';
import { recordMetrics } from '../report/record-metrics.ts';
import { writeTextfile } from './remember.ts';

/** Writes what is on record of all hosts, or of those that are named, as metrics. Throws what keeps the file from being written. */
export async function writeRecordMetrics(
  path: string,
  { hosts }: Pick<AuditOverview, 'hosts'>,
  named: readonly string[],
  inventory: Pick<Inventory, 'hosts'>,
): Promise<void> {
  const wanted = hosts.filter(({ host }) => named.length === 0 || named.includes(host));
  const deadlineOf = ({ host, latestSucceeded }: HostOverview) => {
    const plan = inventory.hosts.get(host);
    return plan && latestSucceeded ? deadlineAfter(plan, new Date(latestSucceeded.startedAt)) : null;
  };
  await writeTextfile(resolve(path), formatMetrics(recordMetrics({ hosts: wanted }, deadlineOf)));
}

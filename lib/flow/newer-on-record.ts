import { nameOf } from '../audit/copies-rule.ts';
import { newestPassedOver } from '../audit/drill-freshness.ts';
import { placeEventsOf } from '../audit/place-event.ts';
import { readHostSince } from '../audit/read-host-since.ts';
import type { DrillRecord } from '../model/drill-record.ts';
import type { DrillerConfig } from '../model/driller-config.ts';
import { CoffreError } from '../model/error.ts';
import { quotePosix } from '../system/command.ts';

/**
 * Whether the run that a drill has found to be the newest at its place is that, by what the host has put on record: a run that
 * was complete there and that no record has removed since is lost, or somebody keeps it back. `drill-failed` says which one;
 * null where there is none. Throws `audit-unreachable` when nobody can know.
 */
export async function newerOnRecord(
  driller: DrillerConfig,
  { host, run, source, startedAt }: DrillRecord,
  allowedSigners: string,
  signal: AbortSignal,
): Promise<CoffreError | null> {
  if (run === null) return null;
  const where = {
    audit: driller.audit,
    secretsFile: driller.secrets.path,
    cloneFolder: driller.state.path,
    options: { signal },
  };
  const { links, others } = await readHostSince(where, { host, since: run, allowedSigners });
  const lost = newestPassedOver({ host, run, source, startedAt }, links, placeEventsOf(others));
  if (lost === null) return null;
  const place = source.offsite === null ? source.kind : `offsite:${source.offsite}`;
  return new CoffreError(
    'drill-failed',
    `cannot call ${run} the newest run of ${host}: by its record ${lost} is in ${nameOf(source)}, complete, and is not found there`,
    {
      hint: `find out who has lost it, or keeps it back: npx zx tasks/verify.ts ${host} --run ${lost} --from ${quotePosix(place)}`,
    },
  );
}

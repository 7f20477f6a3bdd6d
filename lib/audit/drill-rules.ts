import type { HostName } from '../model/names.ts';
import { runIdAt } from '../model/run-id.ts';
import type { Expectation } from './expectation.ts';
import type { AuditFinding } from './finding.ts';
import type { PublishedDrill } from './published.ts';
import type { AuditRepository } from './read-repository.ts';

/** Clocks of drillers and CI may differ by this much. */
const CLOCK_TOLERANCE_MS = 5 * 60_000;

/** Every record of a drill is by a driller of the inventory, or by one that has been retired on purpose. */
export function knownDrillers({ drills }: AuditRepository, { drillers, retired }: Expectation): AuditFinding[] {
  const first = new Map<HostName, PublishedDrill>();
  for (const drill of drills) if (!first.has(drill.driller)) first.set(drill.driller, drill);
  return [...first.values()]
    .filter(({ driller }) => !drillers.has(driller) && !retired.has(driller))
    .map(({ driller, host, path }) => ({
      rule: 'known-driller',
      severity: 'error',
      host,
      path,
      message: `the inventory has no driller ${driller}`,
      hint: 'if it has been retired, keep its line in signers/allowed_signers and end it with the word retired',
    }));
}

/**
 * The times of a drill agree with its name, with each other, with the clock and with the run that it restored; and that run
 * is the one whose manifest is published.
 */
export function drillRecordRule({ drills, links }: AuditRepository, { now }: Expectation): AuditFinding[] {
  const manifests = new Map(links.map((link) => [`${link.host} ${link.run}`, link]));
  return drills.flatMap((drill): AuditFinding[] => {
    const fault = faultOf(drill, now);
    if (fault) return [finding(drill, 'error', 'time', fault, `check the clock of ${drill.driller}: timedatectl`)];
    if (drill.run === null || drill.manifest === null) return [];
    const published = manifests.get(`${drill.host} ${drill.run}`);
    const hint = `compare it with the copy: npx zx tasks/list.ts ${drill.host} --from audit`;
    if (!published) {
      const message = `the manifest of the run that it restored, ${drill.run}, is not published`;
      return [finding(drill, 'warning', 'drilled-run', message, hint)];
    }
    if (published.sha256 === drill.manifest) return [];
    const message = `it restored a run ${drill.run} with another manifest than the one that is published`;
    return [finding(drill, 'error', 'drilled-run', message, hint)];
  });
}

function faultOf({ drill, run, startedAt, finishedAt }: PublishedDrill, now: Date): string | undefined {
  const [start, end] = [new Date(startedAt), new Date(finishedAt)];
  if (runIdAt(start) !== drill) return `the drill started at ${startedAt}, which its name denies`;
  if (end < start) return 'it finished before it started';
  if (end.getTime() - now.getTime() > CLOCK_TOLERANCE_MS) return `it finished in the future, at ${finishedAt}`;
  const late = new Date(end.getTime() + CLOCK_TOLERANCE_MS);
  return run !== null && run > runIdAt(late) ? `it restored ${run}, which is of a later time` : undefined;
}

function finding(
  { host, path }: PublishedDrill,
  severity: AuditFinding['severity'],
  rule: string,
  message: string,
  hint: string,
): AuditFinding {
  return { rule, severity, host, path, message, hint };
}

import { formatBytes } from '../model/format-bytes.ts';
import { formatDuration } from '../model/format-duration.ts';
import { type Anomaly, anomaliesOf, type Measured } from './anomaly.ts';
import type { Expectation } from './expectation.ts';
import type { AuditFinding } from './finding.ts';
import type { PublishedLink } from './published.ts';
import type { AuditRepository } from './read-repository.ts';

/*
 * The newest run that succeeded, beside those before it. A backup that is complete by its own standards may be one of an
 * empty database: nothing but its history shows that.
 *
 * Odd is a warning: sizes change for good reasons, and whoever is woken by each stops looking. An error is what no growth and
 * no tidying explains: no database any more where there were some, or less than a tenth of the usual size. That is red for a
 * week, until half of the runs it is compared with are of the new size; whoever emptied a server on purpose knows why, and
 * for everybody else the good runs of the days before are still there.
 */

const COLLAPSE = 0.1;
const SIZE = { noise: 1024 * 1024, factor: 1.3 };
const DURATION = { noise: 10 * 60_000, factor: 2 };
const DAYS = ['Sundays', 'Mondays', 'Tuesdays', 'Wednesdays', 'Thursdays', 'Fridays', 'Saturdays'];
const WEEK = 7;

/** Judges the newest run of each host by its size, its number of databases, and how long it took. */
export function sizeRule(
  { links }: Pick<AuditRepository, 'links'>,
  { hosts }: Pick<Expectation, 'hosts'>,
): AuditFinding[] {
  const runsOf = new Map<string, PublishedLink[]>();
  for (const link of links) {
    if (!link.trusted || link.outcome !== 'succeeded' || !hosts.has(link.host)) continue;
    const runs = runsOf.get(link.host);
    if (runs) runs.push(link);
    else runsOf.set(link.host, [link]);
  }
  return [...runsOf.values()].flatMap((runs) => judge(runs.sort(byRun), runs.length - 1));
}

/**
 * What `sizeRule` said of each earlier run of a host, or would have said, while that was the newest which succeeded: nothing
 * that came later counts. Only of runs that began at `since` or later; the newest of `own` is for the rule itself.
 */
export function earlierOddities(own: readonly PublishedLink[], since: Date): AuditFinding[] {
  const runs = own.filter(({ trusted, outcome }) => trusted && outcome === 'succeeded').sort(byRun);
  const from = runs.findIndex(({ startedAt }) => Date.parse(startedAt) >= since.getTime());
  return from < 0 ? [] : judge(runs, from).filter(({ path }) => path !== runs.at(-1)?.path);
}

function byRun(a: PublishedLink, b: PublishedLink): number {
  return a.run < b.run ? -1 : 1;
}

/** Each of `runs` from the index `from` on beside those before it. */
function judge(runs: readonly PublishedLink[], from: number): AuditFinding[] {
  const measured = (of: (run: PublishedLink) => number): Measured[] =>
    runs.map((run) => ({ at: new Date(run.startedAt), value: of(run) }));
  const sizes = anomaliesOf(measured(sizeOf), SIZE, from);
  const durations = anomaliesOf(measured(durationOf), DURATION, from);
  return runs
    .slice(from)
    .flatMap((run, n) => [
      ...judgeDatabases(run, runs.slice(Math.max(0, from + n - WEEK), from + n)),
      ...judgeSize(run, sizes[n]),
      ...judgeDuration(run, durations[n]),
    ]);
}

function sizeOf({ figures }: PublishedLink): number {
  return figures.plainBytes;
}

function durationOf({ startedAt, finishedAt }: PublishedLink): number {
  return Math.max(0, Date.parse(finishedAt) - Date.parse(startedAt));
}

function judgeDatabases(run: PublishedLink, before: readonly PublishedLink[]): AuditFinding[] {
  const least = Math.min(...before.map(({ figures }) => figures.databases));
  if (before.length === 0 || run.figures.databases >= least) return [];
  const now = run.figures.databases;
  const [severity, told] = now === 0 ? (['error', 'no database'] as const) : (['warning', databases(now)] as const);
  const earlier =
    before.length === 1 ? 'the run before it had' : `none of the ${before.length} runs before it had fewer than`;
  return [finding(run, severity, `it has ${told}; ${earlier} ${databases(least)}`)];
}

function judgeSize(run: PublishedLink, odd: Anomaly | undefined): AuditFinding[] {
  if (!odd) return [];
  const severity = odd.ratio < COLLAPSE ? 'error' : 'warning';
  const told = `it has ${formatBytes(sizeOf(run))} of SQL; ${usual(odd, 'had', formatBytes)}`;
  return [finding(run, severity, told)];
}

function judgeDuration(run: PublishedLink, odd: Anomaly | undefined): AuditFinding[] {
  if (!odd || odd.ratio < 1) return [];
  const told = `it took ${formatDuration(durationOf(run))}; ${usual(odd, 'took', formatDuration)}`;
  return [{ ...finding(run, 'warning', told), rule: 'duration' }];
}

/** "most of the last 28 runs had 4.0 GiB to 4.4 GiB". */
function usual(
  { usual: [low, high], count, weekday }: Anomaly,
  verb: string,
  format: (value: number) => string,
): string {
  const [from, to] = [format(Math.round(low)), format(Math.round(high))];
  const runs = weekday === null ? 'runs' : DAYS[weekday];
  return `most of the last ${count} ${runs} ${verb} ${from === to ? from : `${from} to ${to}`}`;
}

function databases(count: number): string {
  return count === 1 ? '1 database' : `${count} databases`;
}

function finding({ host, path }: PublishedLink, severity: AuditFinding['severity'], message: string): AuditFinding {
  const hint = `look at what the server has, and at: npx zx tasks/list.ts ${host} --from audit`;
  return { rule: 'size', severity, host, path, message, hint };
}

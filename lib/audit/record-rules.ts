import type { VerifyRecord } from '../model/verify-record.ts';
import type { Expectation } from './expectation.ts';
import type { AuditFinding } from './finding.ts';
import type { PublishedRecord } from './published.ts';
import type { AuditRepository } from './read-repository.ts';

/** Clocks of hosts and CI may differ by this much. */
const CLOCK_TOLERANCE_MS = 5 * 60_000;

type Others = Pick<AuditRepository, 'others'>;

/** The times of a record agree with each other and with the clock; one that nobody here can read to its end is told. */
export function recordRule({ others }: Others, { now }: Pick<Expectation, 'now'>): AuditFinding[] {
  return others.flatMap((other): AuditFinding[] => {
    const { host, path, kind, version, record } = other;
    const fault = faultOf(other, now);
    if (fault !== undefined) {
      const hint = `check the clock of ${host}: timedatectl`;
      return [{ rule: 'time', severity: 'error', host, path, message: fault, hint }];
    }
    if (record !== null) return [];
    const message = `it is a record of the kind ${kind}, written by a newer coffre (version ${version}): its signature and its place in the chain are good, and what it says was not looked at`;
    const hint = 'judge with that coffre: git pull';
    return [{ rule: 'newer', severity: 'warning', host, path, message, hint }];
  });
}

function faultOf({ startedAt, finishedAt }: PublishedRecord, now: Date): string | undefined {
  const [start, end] = [new Date(startedAt), new Date(finishedAt)];
  if (end < start) return 'it finished before it started';
  return end.getTime() - now.getTime() > CLOCK_TOLERANCE_MS ? `it finished in the future, at ${finishedAt}` : undefined;
}

/** What a later look has to see whole before a finding of an earlier one is forgotten. */
const BAD: readonly string[] = ['damaged', 'untrusted', 'missing'];

/**
 * The last look at each place of a host: copies that it found to be bad are an error until a later look at that place finds
 * none. A look at one run, or at the newest alone, says nothing of the others.
 */
export function verifiedCopiesRule({ others }: Others, { hosts }: Pick<Expectation, 'hosts'>): AuditFinding[] {
  const known = others.filter(({ host, trusted }) => trusted && hosts.has(host));
  return [...new Set(known.map(({ host }) => host))].sort().flatMap((host) => {
    const bad = new Map<string, { readonly place: string; readonly verdict: string; readonly path: string }>();
    const looks = known.filter((other) => other.host === host).sort((a, b) => a.sequence - b.sequence);
    for (const { record, path } of looks) {
      if (record?.kind !== 'verify') continue;
      for (const look of record.places) {
        const place = look.offsite === null ? look.kind : `the offsite ${look.offsite}`;
        forget(bad, place, record.runs, look);
        for (const { run, verdict } of look.runs)
          if (BAD.includes(verdict)) bad.set(`${place} ${run}`, { place, verdict, path });
      }
    }
    return [...bad].map(([key, { place, verdict, path }]): AuditFinding => {
      const run = key.slice(place.length + 1);
      const message = `the last look at ${run} in ${place} found it ${verdict}`;
      const hint = `take another copy of it; once it is mended or gone, on ${host}: npx zx tasks/verify.ts --publish`;
      return { rule: 'verified-copies', severity: 'error', host, path, message, hint };
    });
  });
}

/** What this look at `place` knows better: the runs that it read, and all others where it went through all. */
function forget(bad: Map<string, unknown>, place: string, runs: VerifyRecord['runs'], look: Look): void {
  const read = new Set(look.runs.filter(({ verdict }) => verdict !== 'unread').map(({ run }) => `${place} ${run}`));
  const isWhole = runs === 'all' && look.error === null && look.runs.every(({ verdict }) => verdict !== 'unread');
  for (const key of bad.keys()) if (read.has(key) || (isWhole && key.startsWith(`${place} `))) bad.delete(key);
}

type Look = VerifyRecord['places'][number];

import type { AuditOverview, HostOverview, OverviewFinding } from '../model/overview.ts';
import { formatDate, formatMoment } from './moment.ts';

/** `warned`: it can be recovered, and something needs a look. `bad`: nothing shows that it could be, or not of late. */
export type Standing = 'good' | 'warned' | 'bad';

export interface Trouble {
  readonly severity: 'error' | 'warning';
  /** One or two words, for a column. */
  readonly terse: string;
  /** What follows a colon. */
  readonly text: string;
}

export interface Verdict {
  readonly standing: Standing;
  /** For everybody: whether all can be recovered, as of when, and what cannot. */
  readonly sentence: string;
  /** Up to when everything can be recovered that can be at all; null where nothing can. */
  readonly asOf: string | null;
  readonly recoverable: number;
}

export function standingOf({ state, latestSucceeded, findings }: HostOverview): Standing {
  const isBad = state !== 'fresh' || latestSucceeded === null;
  if (isBad || findings.some(({ severity }) => severity === 'error')) return 'bad';
  return findings.length > 0 ? 'warned' : 'good';
}

/** What is wrong with a host, each thing once, errors first. */
export function troublesOf(host: HostOverview): readonly Trouble[] {
  const told = new Map<string, Trouble>();
  for (const finding of host.findings) {
    const trouble = troubleOf(host, finding);
    if (!told.has(trouble.terse)) told.set(trouble.terse, trouble);
  }
  return [...told.values()];
}

/** The sentence at the top. */
export function verdictOf({ hosts, retired, findings }: AuditOverview): Verdict {
  const sound = hosts.filter((host) => standingOf(host) !== 'bad');
  const bad = hosts.filter((host) => standingOf(host) === 'bad');
  const starts = sound.flatMap(({ latestSucceeded }) => (latestSucceeded ? [latestSucceeded.startedAt] : []));
  const asOf = starts.sort()[0] ?? null;
  const others = [...findings, ...retired.flatMap((host) => host.findings)];
  const errors = others.filter(({ severity }) => severity === 'error').length;
  const warned = others.length > 0 || sound.some((host) => standingOf(host) === 'warned');
  const standing = bad.length > 0 || errors > 0 || hosts.length === 0 ? 'bad' : warned ? 'warned' : 'good';
  const stray = errors === 0 ? '' : ` ${strayErrors(errors)}`;
  const sentence = `${recoverability(hosts, sound, bad, asOf)}${stray}`;
  return { standing, sentence, asOf, recoverable: sound.length };
}

function recoverability(
  hosts: readonly HostOverview[],
  sound: readonly HostOverview[],
  bad: readonly HostOverview[],
  asOf: string | null,
): string {
  const [only] = hosts;
  if (only === undefined) return 'There is no host to recover: the inventory has none.';
  const since = asOf === null ? '' : ` as of ${formatMoment(asOf)}`;
  if (bad.length === 0) {
    const who = hosts.length === 1 ? `${only.host} is` : `All ${hosts.length} hosts are`;
    return `${who} recoverable${since}.`;
  }
  if (hosts.length === 1) return `${only.host} is not shown to be recoverable: ${because(only)}.`;
  const some = `${sound.length === 0 ? 'None' : sound.length} of ${hosts.length} hosts`;
  const start = `${some} ${sound.length < 2 ? 'is' : 'are'} recoverable${since}`;
  const [first, second, third, ...rest] = bad;
  if (first && bad.length === 1) return `${start}; ${first.host} is not: ${because(first)}.`;
  const named = [first, second, third].flatMap((host) => (host ? [host.host] : []));
  const listed =
    rest.length > 0
      ? `${named.join(', ')} and ${rest.length} more`
      : `${named.slice(0, -1).join(', ')} and ${named.at(-1)}`;
  if (sound.length > 0) return `${start}; ${listed} are not.`;
  const reasons = new Set(bad.map(because));
  return reasons.size === 1 ? `${start}: ${[...reasons].join()}.` : `${start}.`;
}

function because(host: HostOverview): string {
  return troublesOf(host)[0]?.text ?? 'no run is on record that could be';
}

function strayErrors(errors: number): string {
  return errors === 1
    ? 'The audit repository has an error that is of no host.'
    : `The audit repository has ${errors} errors that are of no host.`;
}

function troubleOf(host: HostOverview, { rule, severity, message }: OverviewFinding): Trouble {
  const trouble = (terse: string, text: string): Trouble => ({ severity, terse, text });
  switch (rule) {
    case 'freshness': {
      if (host.state === 'missing') return trouble('never ran', 'no run has ever been published');
      if (host.state !== 'stale') return trouble('last run failed', 'its last run has failed');
      const last = host.latestSucceeded;
      return trouble('stale', last ? `no good run since ${formatDate(last.startedAt)}` : 'no run has ever succeeded');
    }
    case 'drill': {
      const { state, latest } = host.drill ?? {};
      if (severity === 'warning') return trouble('drill undecided', 'its last drill came to no verdict');
      return latest?.outcome === 'failed' && state !== 'stale' && state !== 'missing'
        ? trouble('drill failed', 'its last drill could not restore it')
        : trouble('no recent drill', 'no recent drill has proven that it can be restored');
    }
    case 'owed-copy': {
      const places = host.owed.map(({ place }) => place).join(' and ');
      return trouble('copy owed', places === '' ? 'a copy is owed' : `copies are owed to ${places}`);
    }
    case 'size':
      return trouble('odd size', 'its size is unusual');
    case 'duration':
      return trouble('odd duration', 'its duration is unusual');
    case 'gap':
      return trouble('nights missed', 'nights of late went by without a good run');
    case 'verified-copies':
      return trouble('bad copies', 'a later look has found copies of it to be bad');
    case 'provision':
      return trouble('half provisioned', 'its last provisioning failed midway');
    case 'recoverable':
      return severity === 'error' ? trouble('cannot restore', message) : trouble('recipients', message);
    case 'looked-at':
      return trouble('copies unread', 'its copies were not read as often as they should be');
    case 'copies':
    case 'retention':
      return trouble('few copies', 'there are fewer copies than there should be');
    default:
      return severity === 'error' ? trouble('record', 'its record is not whole') : trouble(rule, message);
  }
}

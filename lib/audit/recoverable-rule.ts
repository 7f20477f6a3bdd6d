import type { HostConfig } from '../model/inventory.ts';
import type { HostName, Sha256 } from '../model/names.ts';
import { nameOf, standingsAt, TOLD } from './copies-rule.ts';
import type { Expectation } from './expectation.ts';
import type { AuditFinding } from './finding.ts';
import type { PublishedLink } from './published.ts';
import type { AuditRepository } from './read-repository.ts';

/**
 * The newest run of a host that succeeded can be restored, as far as records can say so: it has all that a restore needs, a
 * complete copy of it is left somewhere, and those who should be able to open it are. That one of today's recipients is not
 * among them, or somebody else is, is a warning: the inventory may have changed since.
 */
export function recoverableRule({ links, placeEvents }: AuditRepository, expectation: Expectation): AuditFinding[] {
  return [...expectation.hosts].flatMap(([host, plan]) => {
    const own = links.filter((link) => link.host === host && link.trusted && link.outcome === 'succeeded');
    const runs = own.sort((a, b) => (a.run < b.run ? -1 : 1));
    const newest = runs.at(-1);
    if (!newest) return []; // freshness tells
    const found = (severity: AuditFinding['severity'], message: string, hint: string): AuditFinding => {
      return { rule: 'recoverable', severity, host, path: newest.path, message, hint };
    };
    if (newest.lacks.length > 0) {
      const message = `it says that it succeeded, and has no ${newest.lacks.join(', no ')}: nobody could restore it`;
      return [found('error', message, `make a new one, on ${host}: npx zx tasks/backup.ts`)];
    }
    return [
      ...copyLeft(host, plan, runs, placeEvents).map((message) =>
        found('error', message, `look at what is there: npx zx tasks/verify.ts ${host}`),
      ),
      ...openable(host, newest, expectation).map(([severity, message]) =>
        found(severity, message, `bring the keys of the inventory to the host: npx zx tasks/provision.ts ${host}`),
      ),
    ];
  });
}

/** Why no copy of the newest run would restore it, and which run is the newest of which one would. */
function copyLeft(
  host: HostName,
  { offsite }: Pick<HostConfig, 'offsite'>,
  runs: readonly PublishedLink[],
  placeEvents: AuditRepository['placeEvents'],
): string[] {
  const places = [
    { kind: 'store', offsite: null } as const,
    { kind: 'export', offsite: null } as const,
    ...offsite.map(({ name }) => ({ kind: 'offsite', offsite: name }) as const),
  ];
  const at = places.map((place) => ({ place, standings: standingsAt(host, place, runs, placeEvents) }));
  const isLeft = ({ run }: PublishedLink) => at.some(({ standings }) => standings.get(run) === 'good');
  const newest = runs.at(-1);
  if (!newest || isLeft(newest)) return [];
  const each = at.map(({ place, standings }) => `${nameOf(place)} (${TOLD[standings.get(newest.run) ?? 'absent']})`);
  const other = runs.filter(isLeft).at(-1);
  const rest = other ? `the newest of which one is left is ${other.run}` : 'nor of any run before it';
  return [`no complete copy of its newest good run is left: ${each.join(', ')}; ${rest}`];
}

function openable(
  host: HostName,
  { sealedFor }: PublishedLink,
  { recipients, retiredKeys = new Map() }: Pick<Expectation, 'recipients' | 'retiredKeys'>,
): (readonly [AuditFinding['severity'], string])[] {
  const wanted = recipients.get(host);
  if (!wanted || wanted.size === 0) return [];
  const keys = new Set(sealedFor.map(({ fingerprint }) => fingerprint));
  const without = [...wanted].filter(([, fingerprint]) => !keys.has(fingerprint)).map(([name]) => name);
  // Between a rotation and the next run the newest one is sealed for the key before, whose owner still has it.
  const former = new Set(sealedFor.flatMap(({ fingerprint }) => retiredKeys.get(fingerprint) ?? []));
  const rotated = without.filter((name) => former.has(name));
  if (without.length === wanted.size && rotated.length === 0)
    return [['error', `none of its recipients can open its newest good run, which is sealed for ${named(sealedFor)}`]];
  const known = new Set(wanted.values());
  const isStranger = (fingerprint: Sha256) => {
    const owner = retiredKeys.get(fingerprint);
    return !known.has(fingerprint) && (owner === undefined || !without.includes(owner));
  };
  const strangers = sealedFor.filter(({ fingerprint }) => isStranger(fingerprint));
  const unable = without.filter((name) => !former.has(name)).join(', ');
  return [
    ...(unable === ''
      ? []
      : [['warning', `its newest good run cannot be opened by ${unable}, as the inventory wants it`] as const]),
    ...(rotated.length === 0
      ? []
      : [
          [
            'warning',
            `its newest good run is sealed for the key that was rotated away of ${rotated.join(', ')}, and not yet for the new one`,
          ] as const,
        ]),
    ...(strangers.length > 0
      ? [['warning', `its newest good run is sealed also for ${named(strangers)}, who is no recipient of it`] as const]
      : []),
  ];
}

function named(recipients: PublishedLink['sealedFor']): string {
  return recipients.map(({ name, fingerprint }) => `${name} (key ${fingerprint.slice(0, 12)}…)`).join(', ');
}

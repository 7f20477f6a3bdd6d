import type { HostName, Sha256 } from '../model/names.ts';
import type { AuditFinding } from './finding.ts';
import type { AuditRepository } from './read-repository.ts';

/** What the rules of chains need of a record, of whichever kind. */
export interface ChainLink {
  /** Which chain it is a link of. */
  readonly chain: string;
  readonly host: HostName;
  /** Whose clock its times are of. */
  readonly signer: HostName;
  readonly path: string;
  /** The run, the drill, or the kind and time of another record, for a sentence. */
  readonly name: string;
  readonly sequence: number;
  readonly previous: Sha256 | null;
  readonly sha256: Sha256;
  readonly finishedAt: string;
  readonly trusted: boolean;
  /** Fingerprint of the key that has signed it; null where none of those that may has. */
  readonly signedBy: string | null;
}

type Chains = Pick<AuditRepository, 'links' | 'drills' | 'others'>;

/** Clocks are set right by minutes, sometimes by an hour. Nobody's run moves into the day before. */
const BACK_DATED_MS = 24 * 3_600_000;

/** Every record as a link of its chain, one chain after another, each in its own order. */
export function chainLinks({ links, drills, others }: Chains): ReadonlyMap<string, ChainLink[]> {
  const chains = new Map<string, ChainLink[]>();
  const add = (link: ChainLink) => {
    const own = chains.get(link.chain);
    if (own) own.push(link);
    else chains.set(link.chain, [link]);
  };
  for (const link of links)
    add({ ...linkOf(link), chain: `manifests ${link.host}`, signer: link.host, name: link.run });
  for (const link of others)
    add({ ...linkOf(link), chain: `manifests ${link.host}`, signer: link.host, name: `${link.kind} of ${link.name}` });
  for (const link of drills)
    add({ ...linkOf(link), chain: `drills ${link.host} ${link.driller}`, signer: link.driller, name: link.drill });
  for (const own of chains.values()) own.sort((a, b) => a.sequence - b.sequence);
  return new Map([...chains].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/**
 * The records of each host, of all kinds, are one chain: sequences from 1 on without gap or double, each with the digest of
 * the one before it. That makes a removed, reordered or exchanged record visible even to who has never seen it. The same
 * holds for the drills of a host by one driller.
 */
export function chainRule(repository: Chains): AuditFinding[] {
  return [...chainLinks(repository).values()].flatMap((own) =>
    own.flatMap((link, index) => checkLink(own[index - 1], link)),
  );
}

function linkOf({
  host,
  path,
  sequence,
  previous,
  sha256,
  finishedAt,
  trusted,
  signedBy,
}: Omit<ChainLink, 'chain' | 'signer' | 'name'>) {
  return { host, path, sequence, previous, sha256, finishedAt, trusted, signedBy };
}

function checkLink(before: ChainLink | undefined, link: ChainLink): AuditFinding[] {
  const { host, path, sequence, previous } = link;
  const folder = path.split('/', 2).join('/');
  const found = (message: string): AuditFinding[] => [
    { rule: 'chain', severity: 'error', host, path, message, hint: `look at: git log --stat -- ${folder}` },
  ];
  const noun = path.startsWith('drills/') ? 'drill' : 'record';
  const expected = (before?.sequence ?? 0) + 1;
  if (before && sequence === before.sequence)
    return found(`it is number ${sequence} of the chain, and so is ${before.name}`);
  if (sequence > expected) {
    const missing = sequence - 1 === expected ? `number ${expected}` : `numbers ${expected} to ${sequence - 1}`;
    return found(`it is number ${sequence} of the chain, and ${missing} cannot be found`);
  }
  if (previous !== (before?.sha256 ?? null)) {
    return found(
      before
        ? `the ${noun} before it, ${before.name}, is not the one it was made after`
        : 'as the first of the chain it names one before it',
    );
  }
  if (before && link.finishedAt < before.finishedAt) {
    const message = `it finished before ${before.name}, which comes before it in the chain`;
    const isBackDated = Date.parse(before.finishedAt) - Date.parse(link.finishedAt) > BACK_DATED_MS;
    return [
      {
        rule: 'chain',
        severity: isBackDated ? 'error' : 'warning',
        host,
        path,
        message,
        hint: `check the clock of ${link.signer}: timedatectl`,
      },
    ];
  }
  return [];
}

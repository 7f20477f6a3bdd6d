import type { HostName, Sha256 } from '../model/names.ts';
import type { AuditFinding } from './finding.ts';
import type { AuditRepository } from './read-repository.ts';

/** What the rule needs of a record, of whichever kind. */
interface ChainLink {
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
}

type Chains = Pick<AuditRepository, 'links' | 'drills' | 'others'>;

/**
 * The records of each host, of all kinds, are one chain: sequences from 1 on without gap or double, each with the digest of
 * the one before it. That makes a removed, reordered or exchanged record visible even to who has never seen it. The same
 * holds for the drills of a host by one driller.
 */
export function chainRule({ links, drills, others }: Chains): AuditFinding[] {
  const all: ChainLink[] = [
    ...links.map((link) => ({ ...link, signer: link.host, name: link.run })),
    ...others.map((link) => ({ ...link, signer: link.host, name: `${link.kind} of ${link.name}` })),
    ...drills.map((link) => ({ ...link, signer: link.driller, name: link.drill })),
  ];
  return [...new Set(all.map(chainOf))].sort().flatMap((chain) => {
    const own = all.filter((link) => chainOf(link) === chain).sort((a, b) => a.sequence - b.sequence);
    return own.flatMap((link, index) => checkLink(own[index - 1], link));
  });
}

function chainOf({ path, host, signer }: ChainLink): string {
  return `${path.startsWith('drills/') ? 'drills' : 'manifests'} ${host} ${signer}`;
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
    return [
      {
        rule: 'chain',
        severity: 'warning',
        host,
        path,
        message,
        hint: `check the clock of ${link.signer}: timedatectl`,
      },
    ];
  }
  return [];
}

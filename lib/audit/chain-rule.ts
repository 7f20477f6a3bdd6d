import type { HostName } from '../model/names.ts';
import type { AuditFinding } from './finding.ts';
import type { AuditRepository, PublishedLink } from './read-repository.ts';

/**
 * The manifests of each host are one chain: sequences from 1 on without gap or double, each with the digest of the
 * one before it. That makes a removed, reordered or exchanged manifest visible even to who has never seen it.
 */
export function chainRule({ links }: Pick<AuditRepository, 'links'>): AuditFinding[] {
  const hosts = [...new Set(links.map(({ host }) => host))].sort();
  return hosts.flatMap((host) => {
    const own = links.filter((link) => link.host === host).sort((a, b) => a.sequence - b.sequence);
    return own.flatMap((link, index) => checkLink(host, own[index - 1], link));
  });
}

function checkLink(host: HostName, before: PublishedLink | undefined, link: PublishedLink): AuditFinding[] {
  const { path, sequence, previous } = link;
  const found = (message: string): AuditFinding[] => [
    { rule: 'chain', severity: 'error', host, path, message, hint: `look at: git log --stat -- manifests/${host}` },
  ];
  const expected = (before?.sequence ?? 0) + 1;
  if (before && sequence === before.sequence)
    return found(`it is number ${sequence} of the chain, and so is ${before.run}`);
  if (sequence > expected) {
    const missing = sequence - 1 === expected ? `number ${expected}` : `numbers ${expected} to ${sequence - 1}`;
    return found(`it is number ${sequence} of the chain, and ${missing} cannot be found`);
  }
  if (previous !== (before?.sha256 ?? null)) {
    return found(
      before
        ? `the manifest before it, ${before.run}, is not the one it was made after`
        : 'as the first of the chain it names one before it',
    );
  }
  if (before && link.finishedAt < before.finishedAt) {
    const message = `it finished before ${before.run}, which comes before it in the chain`;
    return [
      { rule: 'chain', severity: 'warning', host, path, message, hint: `check the clock of ${host}: timedatectl` },
    ];
  }
  return [];
}

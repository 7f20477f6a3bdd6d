import { chainLinks } from './chain-rule.ts';
import type { Expectation } from './expectation.ts';
import type { AuditFinding } from './finding.ts';
import type { AuditRepository } from './read-repository.ts';
import { isClosed } from './signer-rules.ts';
import type { SignerSet } from './signer-set.ts';
import type { Seen } from './witness.ts';

/** What was seen before is still there: the head that is remembered in the history, and the last record of each chain. */
export function witnessRule(repository: AuditRepository, { seen }: Expectation): AuditFinding[] {
  if (!seen) return [];
  const error = (message: string, hint: string, host: AuditFinding['host'] = null, path: string | null = null) =>
    ({ rule: 'append-only', severity: 'error', host, path, message, hint }) as const;
  const findings: AuditFinding[] = [];
  // Where the history is not here nobody can tell, which is a finding of its own.
  if (repository.extendsSeen === false && !repository.shallow) {
    const head = seen.head.slice(0, 12);
    findings.push(
      error(
        `the history does not contain ${head}, which was its head on ${seen.seenAt}: it was rewritten`,
        `look for it in an older clone: git show ${head}; if it was meant, take the entry out of the file of --state`,
      ),
    );
  }
  const chains = chainLinks(repository);
  for (const [name, last] of Object.entries(seen.chains)) {
    const own = chains.get(name) ?? [];
    if (own.some(({ sha256, sequence }) => sha256 === last.sha256 && sequence === last.sequence)) continue;
    const there = own.find(({ sequence }) => sequence === last.sequence);
    const [kind = '', host = ''] = name.split(' ');
    const told = there ? 'is another one now' : 'is not there any more';
    findings.push(
      error(
        `number ${last.sequence} of the chain of its ${kind}, which was there on ${seen.seenAt}, ${told}`,
        `look at: git log --stat -- ${kind}/${host}; the host publishes again what it finds missing`,
        host as AuditFinding['host'],
        there?.path ?? null,
      ),
    );
  }
  return findings;
}

/**
 * What the next look has to find again; null while nothing can be said of the history. A head that does not extend the
 * one before is never taken: it stays a finding until somebody accepts it.
 */
export function nextSeen(repository: AuditRepository, seen: Seen | null, signers: SignerSet, now: Date): Seen | null {
  const { head, shallow, extendsSeen, rewrites, strays } = repository;
  if (head === null || shallow || extendsSeen === false || strays === Number.POSITIVE_INFINITY) return null;
  const seenAt = now.toISOString();
  const chains = { ...seen?.chains };
  for (const [name, own] of chainLinks(repository)) {
    const last = own.filter(({ trusted }) => trusted).at(-1);
    const before = chains[name];
    const isThere = own.some(({ sha256 }) => sha256 === before?.sha256);
    if (last && (!before || isThere)) chains[name] = { sequence: last.sequence, sha256: last.sha256 };
  }
  const closed = { ...seen?.closed };
  for (const key of [...signers.values()].flat()) if (isClosed(key, now)) closed[key.fingerprint] ??= { head, seenAt };
  return { head, seenAt, clean: rewrites.length === 0, chains, closed };
}

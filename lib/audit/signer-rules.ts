import { type ChainLink, chainLinks } from './chain-rule.ts';
import type { Expectation } from './expectation.ts';
import type { AuditFinding } from './finding.ts';
import type { AuditRepository } from './read-repository.ts';
import type { SigningKey } from './signer-set.ts';

/*
 * Keys that are valid no longer: they have expired (valid-before) or are marked as retired.
 *
 * What such a key signed while it was valid stays good, and the time of that is what the record itself says. Whoever steals
 * the key afterwards can write any time into a record. What can be proven against that is order, and nothing but order:
 *
 *   - within its chain a record that is dated back comes after a later one (chain-rule.ts), or after one that a newer key has
 *     signed already (below);
 *   - at the end of a chain that nobody continues, only who has looked before knows what was there: `validate --state` keeps
 *     the head at which it found the key closed, and takes nothing by that key which came later (below).
 *
 * Without a head that was kept, a record at the end of such a chain cannot be told from one that was published late. The
 * time of a commit helps little (arrival-rule.ts): its maker writes it.
 */

const DAY_MS = 86_400_000;
const SOON_MS = 14 * DAY_MS;

/** Whether every line of the key is retired, or ends before `now`. */
export function isClosed({ lines }: SigningKey, now: Date): boolean {
  return lines.every(({ retired, validBefore }) => retired || (validBefore !== null && validBefore < now));
}

/** No key that is closed signs again: neither after its successor, nor after it was seen to be closed. */
export function closedKeys(repository: AuditRepository, { signers, seen, now }: Expectation): AuditFinding[] {
  const closed = new Set(
    [...signers.values()]
      .flat()
      .filter((key) => isClosed(key, now))
      .map(({ fingerprint }) => fingerprint),
  );
  if (closed.size === 0) return [];
  return [...chainLinks(repository).values()].flatMap((own) => {
    const replaced = new Map<string, ChainLink>();
    return own.flatMap((link, index) => {
      const before = own[index - 1];
      if (before?.signedBy && link.signedBy && before.signedBy !== link.signedBy) replaced.set(before.signedBy, link);
      if (link.signedBy === null || !closed.has(link.signedBy)) return [];
      const successor = replaced.get(link.signedBy);
      const since = seen?.closed[link.signedBy]?.seenAt;
      const isNew = repository.newsSince.get(link.signedBy)?.has(link.path);
      if (successor) return [again(link, `after ${successor.name}, which another key had signed`)];
      return isNew ? [again(link, `and was not there yet on ${since}, when that key was closed already`)] : [];
    });
  });
}

/** Says two weeks ahead that a host will have no key left, and that it has none. */
export function expiringKeys(_: AuditRepository, { signers, hosts, drillers, now }: Expectation): AuditFinding[] {
  return [...signers].flatMap(([host, keys]): AuditFinding[] => {
    if (keys.length === 0 || !(hosts.has(host) || drillers.has(host))) return [];
    const lines = keys.flatMap((key) => key.lines).filter(({ retired }) => !retired);
    if (lines.length === 0) {
      const message = 'all its signing keys are retired, and it is in the inventory';
      const hint = 'add the line of its new key to signers/allowed_signers, or take the word retired away';
      return [{ rule: 'signer', severity: 'error', host, path: null, message, hint }];
    }
    const last = Math.max(...lines.map(({ validBefore }) => validBefore?.getTime() ?? Number.POSITIVE_INFINITY));
    if (last - now.getTime() > SOON_MS) return [];
    const at = new Date(last).toISOString();
    const severity = last < now.getTime() ? 'error' : 'warning';
    const message = severity === 'error' ? `its signing key expired at ${at}` : `its signing key expires at ${at}`;
    const hint = 'move its valid-before in signers/allowed_signers of the inventory, or let another key sign';
    return [{ rule: 'signer', severity, host, path: null, message, hint }];
  });
}

/**
 * The newest record of a chain is by a key that is retired, although the host has another one: from the exchange until its next
 * record that has to be so. A newer one is an error by the rule above.
 */
export function lastByClosedKey(
  repository: AuditRepository,
  { signers, hosts, drillers, now }: Expectation,
): AuditFinding[] {
  return [...chainLinks(repository).values()].flatMap((own): AuditFinding[] => {
    const last = own.at(-1);
    if (!last || !(hosts.has(last.signer) || drillers.has(last.signer))) return [];
    const keys = signers.get(last.signer) ?? [];
    if (keys.every((key) => isClosed(key, now))) return [];
    if (!keys.some((key) => key.fingerprint === last.signedBy && isClosed(key, now))) return [];
    const { host, path } = last;
    const message = `its newest record was signed by ${last.signedBy}, a key that is retired or has expired, and none by its new key`;
    const hint = `if a night went by since the keys were exchanged, find out who has made it: compare with the copies of ${host}`;
    return [{ rule: 'signer', severity: 'warning', host, path, message, hint }];
  });
}

function again({ host, path, signedBy }: ChainLink, when: string): AuditFinding {
  return {
    rule: 'signer',
    severity: 'error',
    host,
    path,
    message: `it was signed by ${signedBy}, a key that is retired or has expired, ${when}`,
    hint: `whoever has that key may have made it: compare with the copies of ${host}; see: git log -- ${path}`,
  };
}

import { type DrillState, judgeDrills } from '../audit/drill-freshness.ts';
import type { Expectation } from '../audit/expectation.ts';
import { type AuditFinding, renderFinding } from '../audit/finding.ts';
import { type HostState, judgeFreshness } from '../audit/freshness.ts';
import type { Source } from '../audit/open-repository.ts';
import { readRepository } from '../audit/read-repository.ts';
import { RULES } from '../audit/rules.ts';
import { parseAllowedSigners } from '../model/allowed-signers.ts';
import { CoffreError } from '../model/error.ts';
import type { Inventory } from '../model/inventory.ts';
import type { Clock } from '../system/clock.ts';

interface ValidateOptions {
  readonly inventory: Inventory;
  readonly source: Source;
  readonly clock: Clock;
  /** The id of the head that was known before, in full or its beginning: the history must contain it. */
  readonly since?: string;
}

export interface Validation {
  /** The commit that was judged; null for an empty repository. */
  readonly head: string | null;
  readonly manifests: number;
  readonly hosts: readonly HostState[];
  /** How many drills there are on record. */
  readonly drills: number;
  /** How many other records there are, by kind. */
  readonly records: Readonly<Record<string, number>>;
  /** Hosts whose drills are demanded, or that have some. */
  readonly drilled: readonly DrillState[];
  /** Errors first. */
  readonly findings: readonly AuditFinding[];
}

/** A name such as a branch would stand for the head that is there now, and prove nothing. */
const COMMIT_ID = /^[0-9a-f]{4,64}$/i;

/** Judges the audit repository by the inventory and the clock: every rule, every finding. Throws `usage`. */
export async function validate({ inventory, source, clock, since }: ValidateOptions): Promise<Validation> {
  const { allowedSigners, hosts, drillers } = inventory;
  if (since !== undefined && !COMMIT_ID.test(since)) {
    throw new CoffreError('usage', `cannot look for the commit ${JSON.stringify(since)}: that is no commit's id`, {
      hint: 'give the id that validate has told as its head, such as 4f2c1d0',
    });
  }
  const known = since === undefined ? {} : { since };
  const repository = await readRepository({ ...source, ...known, allowedSigners });
  const { signers } = parseAllowedSigners(allowedSigners);
  const retired = new Set(
    signers.filter(({ host, retired }) => retired && !hosts.has(host) && !drillers.has(host)).map(({ host }) => host),
  );
  const expectation: Expectation = { hosts, drillers, retired, now: clock.now() };
  const freshness = judgeFreshness(repository, expectation);
  const drilled = judgeDrills(repository, expectation);
  const findings = [
    ...repository.findings,
    ...Object.values(RULES).flatMap((rule) => rule(repository, expectation)),
    ...freshness.findings,
    ...drilled.findings,
  ];
  const weight = ({ severity }: AuditFinding) => (severity === 'error' ? 0 : 1);
  return {
    head: repository.head,
    manifests: repository.links.length,
    hosts: freshness.hosts,
    drills: repository.drills.length,
    records: countKinds(repository.others),
    drilled: drilled.drilled,
    findings: findings.sort((a, b) => weight(a) - weight(b)),
  };
}

function countKinds(records: readonly { readonly kind: string }[]): Readonly<Record<string, number>> {
  const kinds = [...new Set(records.map(({ kind }) => kind))].sort();
  return Object.fromEntries(kinds.map((kind) => [kind, records.filter((each) => each.kind === kind).length]));
}

/** Throws `verification-failed`, with every finding, when one of them is an error. */
export function assertValid({ findings }: Validation): void {
  const errors = findings.filter(({ severity }) => severity === 'error').length;
  if (errors === 0) return;
  throw new CoffreError('verification-failed', `cannot trust the audit repository: ${errors} errors found`, {
    hint: findings[0]?.hint ?? 'see the findings',
    findings: findings.map(renderFinding),
  });
}

import { createPublicKey } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import { type AcknowledgedFinding, acknowledge } from '../audit/acknowledge.ts';
import { branchRule } from '../audit/branch-rule.ts';
import { type DrillState, judgeDrills } from '../audit/drill-freshness.ts';
import type { Expectation } from '../audit/expectation.ts';
import { type AuditFinding, renderFinding } from '../audit/finding.ts';
import { type HostState, judgeFreshness } from '../audit/freshness.ts';
import type { Source } from '../audit/open-repository.ts';
import { otherFilesRule } from '../audit/other-files-rule.ts';
import { type AuditRepository, readRepository } from '../audit/read-repository.ts';
import { workflowTest } from '../audit/repository-files.ts';
import { RULES } from '../audit/rules.ts';
import { signerSetOf } from '../audit/signer-set.ts';
import { type Seen, withWitness } from '../audit/witness.ts';
import { nextSeen } from '../audit/witness-rule.ts';
import { parseAllowedSigners } from '../model/allowed-signers.ts';
import { CoffreError } from '../model/error.ts';
import type { Inventory } from '../model/inventory.ts';
import { keyFingerprint } from '../model/key-fingerprint.ts';
import type { RecipientName } from '../model/names.ts';
import type { Clock } from '../system/clock.ts';
import { publicText } from '../system/known-secrets.ts';

export interface ValidateOptions {
  readonly inventory: Inventory;
  readonly source: Source;
  readonly clock: Clock;
  /** The id of the head that was known before, in full or its beginning: the history must contain it. */
  readonly since?: string;
  /** A file that ends with `.json`, or a folder: remembers the last head of each repository, which the next must extend. */
  readonly state?: string;
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
  /** The head that was remembered, and when it was seen; null where none was, or where nothing is remembered. */
  readonly remembered: { readonly head: string; readonly seenAt: string } | null;
  /** Errors first; of very many by one rule the first ones, and how many more there are. */
  readonly findings: readonly AuditFinding[];
  /** What was found, too, and is acknowledged in the inventory. */
  readonly acknowledged: readonly AcknowledgedFinding[];
}

/** What was read, and what was found of it: for those who show both. */
export interface Judgement {
  readonly repository: AuditRepository;
  readonly validation: Validation;
}

/** A name such as a branch would stand for the head that is there now, and prove nothing. */
const COMMIT_ID = /^[0-9a-f]{4,64}$/i;

/** Judges the audit repository by the inventory and the clock: every rule, every finding. Throws `usage`. */
export async function validate(options: ValidateOptions): Promise<Validation> {
  return (await readAndJudge(options)).validation;
}

/** The same, with what it has read. */
export async function readAndJudge(options: ValidateOptions): Promise<Judgement> {
  const { source, since, state } = options;
  if (since !== undefined && !COMMIT_ID.test(since)) {
    throw new CoffreError('usage', `cannot look for the commit ${JSON.stringify(since)}: that is no commit's id`, {
      hint: 'give the id that validate has told as its head, such as 4f2c1d0',
    });
  }
  if (state === undefined) return (await judge(options, null)).result;
  return withWitness(state, await nameOf(source), (seen) => judge(options, seen));
}

async function judge({ inventory, source, clock, since }: ValidateOptions, seen: Seen | null) {
  const { allowedSigners, hosts, drillers } = inventory;
  const known = since === undefined ? {} : { since };
  const now = clock.now();
  const repository = await readRepository({ ...source, ...known, allowedSigners, seen, now });
  const { signers: lines } = parseAllowedSigners(allowedSigners);
  const retired = new Set(
    lines.filter(({ host, retired }) => retired && !hosts.has(host) && !drillers.has(host)).map(({ host }) => host),
  );
  const signers = signerSetOf(allowedSigners);
  const recipients = recipientKeys(inventory);
  const inUse = new Set([...hosts.values()].flatMap((host) => host.recipients));
  const certificates = new Map(
    [...inventory.recipients.values()].flatMap(({ name, publicKey }) => (inUse.has(name) ? [[name, publicKey]] : [])),
  );
  const retiredKeys = new Map(
    (inventory.retired ?? []).map(({ name, publicKey }) => [keyFingerprint(createPublicKey(publicKey)), name]),
  );
  const expectation: Expectation = {
    hosts,
    recipients,
    retiredKeys,
    certificates,
    drillers,
    retired,
    signers,
    seen,
    now,
  };
  const freshness = judgeFreshness(repository, expectation);
  const drilled = judgeDrills(repository, expectation);
  const all = [
    ...repository.findings,
    ...Object.values(RULES).flatMap((rule) => rule(repository, expectation)),
    ...branchRule(
      repository,
      [...hosts.values()].map(({ audit }) => audit.branch),
    ),
    ...otherFilesRule(repository, allowedSigners, await workflowTest()),
    ...freshness.findings,
    ...drilled.findings,
  ];
  const { findings, acknowledged } = acknowledge(all, inventory.acknowledged ?? []);
  const weight = ({ severity }: AuditFinding) => (severity === 'error' ? 0 : 1);
  const validation: Validation = {
    head: repository.head,
    manifests: repository.links.length,
    hosts: freshness.hosts,
    drills: repository.drills.length,
    records: countKinds(repository.others),
    drilled: drilled.drilled,
    remembered: seen && { head: seen.head, seenAt: seen.seenAt },
    findings: withoutFlood(findings).sort((a, b) => weight(a) - weight(b)),
    acknowledged,
  };
  return { result: { repository, validation }, seen: nextSeen(repository, seen, signers, now) };
}

/** Of each host those recipients whose keys the inventory has. */
function recipientKeys({ hosts, recipients }: Inventory): Expectation['recipients'] {
  const keys = [...recipients].map(
    ([name, { publicKey }]) => [name, keyFingerprint(createPublicKey(publicKey))] as const,
  );
  const fingerprints = new Map(keys);
  const keysOf = (names: readonly RecipientName[]) =>
    names.flatMap((name) => {
      const fingerprint = fingerprints.get(name);
      return fingerprint ? [[name, fingerprint] as const] : [];
    });
  return new Map([...hosts].map(([host, plan]) => [host, new Map(keysOf(plan.recipients))]));
}

function countKinds(records: readonly { readonly kind: string }[]): Readonly<Record<string, number>> {
  const kinds = [...new Set(records.map(({ kind }) => kind))].sort();
  return Object.fromEntries(kinds.map((kind) => [kind, records.filter((each) => each.kind === kind).length]));
}

/** Where the repository is, and which branch: what is remembered of one says nothing of another. */
async function nameOf({ location, branch = 'HEAD' }: Source): Promise<string> {
  const folder = await realpath(location).catch(() => undefined);
  return `${folder ?? publicText(location)} ${branch}`;
}

/** As many findings of one rule are told for one host, and of all hosts together twenty times as many. */
const TOLD = 50;

/** Whoever puts a million files into the repository is found by the first of them. */
function withoutFlood(findings: readonly AuditFinding[]): AuditFinding[] {
  const left = new Map<string, { finding: AuditFinding; count: number }>();
  const counts = new Map<string, number>();
  const told = findings.filter((finding) => {
    const { rule, severity, host } = finding;
    const keys = [`${rule} ${severity}`, `${rule} ${severity} ${host}`] as const;
    const [ofAll, ofHost] = keys.map((key) => counts.get(key) ?? 0);
    if ((ofAll ?? 0) < TOLD * 20 && (ofHost ?? 0) < TOLD) {
      for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
      return true;
    }
    const more = left.get(keys[1]);
    left.set(keys[1], { finding, count: (more?.count ?? 0) + 1 });
    return false;
  });
  const rest = [...left.values()].map(({ finding, count }) => ({
    ...finding,
    path: null,
    message: `${count} more findings like this one: ${finding.message}`,
  }));
  return [...told, ...rest];
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

import type { HostName } from '../model/names.ts';
import { runIdAt } from '../model/run-id.ts';
import { arrivalRule } from './arrival-rule.ts';
import { RECORD_LIMIT_BYTES } from './canonical-record.ts';
import { chainRule } from './chain-rule.ts';
import { copiesRule } from './copies-rule.ts';
import { drillRecordRule, knownDrillers } from './drill-rules.ts';
import type { Expectation } from './expectation.ts';
import { type AuditFinding, show } from './finding.ts';
import { gapRule } from './gap-rule.ts';
import { attributesRule } from './git-attributes.ts';
import { keyEndRule } from './key-end-rule.ts';
import { lookRule } from './look-rule.ts';
import { outcomeRule } from './outcome-rule.ts';
import { provisionRule } from './provision-rule.ts';
import type { AuditRepository } from './read-repository.ts';
import { recordRule, verifiedCopiesRule } from './record-rules.ts';
import { recoverableRule } from './recoverable-rule.ts';
import { closedKeys, expiringKeys, lastByClosedKey } from './signer-rules.ts';
import { sizeRule } from './size-rule.ts';
import { SIGNATURE_LIMIT_BYTES } from './sshsig.ts';
import { witnessRule } from './witness-rule.ts';

type Rule = (repository: AuditRepository, expectation: Expectation) => AuditFinding[];

/** Clocks of hosts and CI may differ by this much. */
const CLOCK_TOLERANCE_MS = 5 * 60_000;

const error = (rule: string, path: string | null, message: string, hint: string, host: HostName | null = null) =>
  ({ rule, severity: 'error', host, path, message, hint }) as const;

/** Only files that are named here may be in the repository, and they are plain files. */
const belongs: Rule = ({ entries, strays }) => [
  ...entries.flatMap(({ path, mode, sizeBytes, place }) => {
    const hint = `see who put it there: git log -- ${show(path)}`;
    const executable = mode === '100755' && place === 'other';
    if (mode === '120000') return [error('belongs', path, 'it is a symbolic link', hint)];
    if (mode === '160000') return [error('belongs', path, 'it is a submodule', hint)];
    if (mode !== '100644' && !executable) return [error('belongs', path, `its mode is ${mode}`, hint)];
    if (place === undefined) return [error('belongs', path, 'it does not belong here', hint)];
    if (place !== 'other' && (sizeBytes ?? 0) > RECORD_LIMIT_BYTES) {
      return [error('belongs', path, 'it is larger than a mebibyte', hint, place.host)];
    }
    if (place !== 'other' && place.kind === 'signature' && (sizeBytes ?? 0) > SIGNATURE_LIMIT_BYTES) {
      return [error('belongs', path, 'it is larger than 16 KiB, and so is no signature', hint, place.host)];
    }
    return [];
  }),
  ...(strays > 0 ? [tooMany(strays)] : []),
];

function tooMany(strays: number): AuditFinding {
  const message = Number.isFinite(strays)
    ? `${strays} more files do not belong here`
    : 'it has more files than any number of hosts could have put there; nobody has read further';
  return error('belongs', null, message, 'see who put them there: git log --stat');
}

/** Every record has its signature beside it, and every signature its record. */
const pairs: Rule = ({ entries }) => {
  const paths = new Set(entries.map(({ path }) => path));
  return entries.flatMap(({ path, place }) => {
    if (typeof place !== 'object') return [];
    const hint = `look at: git log -- ${path}`;
    if (place.kind === 'record') {
      return paths.has(`${path}.sig`)
        ? []
        : [error('signature', path, 'it has no signature beside it', hint, place.host)];
    }
    const record = path.slice(0, -'.sig'.length);
    const noun = place.record === 'backup' ? 'manifest' : 'record';
    return paths.has(record) ? [] : [error('signature', path, `its ${noun} is not there`, hint, place.host)];
  });
};

/** Every folder of manifests or drills is that of a host of the inventory, or of one that has been retired on purpose. */
const knownHosts: Rule = ({ entries }, { hosts, retired }) => {
  const present = new Set(
    entries.flatMap(({ place }) => {
      return typeof place === 'object' ? [`${place.of}/${place.host}`] : [];
    }),
  );
  return [...present]
    .map((folder) => ({ folder, host: folder.slice(folder.indexOf('/') + 1) as HostName }))
    .filter(({ host }) => !hosts.has(host) && !retired.has(host))
    .map(({ folder, host }) =>
      error(
        'known-host',
        folder,
        'the inventory has no such host',
        `if it has been retired, keep its line in signers/allowed_signers and end it with the word retired`,
        host,
      ),
    );
};

/** A manifest's times agree with its name, with each other, and with the clock. */
const times: Rule = ({ links }, { now }) =>
  links.flatMap(({ host, run, path, startedAt, finishedAt }) => {
    const hint = `check the clock of ${host}: timedatectl`;
    const [start, end] = [new Date(startedAt), new Date(finishedAt)];
    if (runIdAt(start) !== run)
      return [error('time', path, `its run started at ${startedAt}, which its name denies`, hint, host)];
    if (end < start) return [error('time', path, 'it finished before it started', hint, host)];
    const ahead = end.getTime() - now.getTime() > CLOCK_TOLERANCE_MS;
    return ahead ? [error('time', path, `it finished in the future, at ${finishedAt}`, hint, host)] : [];
  });

/** The history only ever adds below `manifests/` and `drills/`, and grows on top of the head that was known before. */
const appendOnly: Rule = ({ rewrites, shallow, descends }) => {
  const findings: AuditFinding[] = rewrites.map(({ commit, path, change }) =>
    error(
      'append-only',
      path,
      `it was ${change} by commit ${commit.slice(0, 12)}`,
      `see: git show -m --stat ${commit.slice(0, 12)}`,
    ),
  );
  if (shallow) {
    const hint = 'fetch all of it: git fetch --unshallow, or fetch-depth: 0 in the workflow';
    findings.push(
      error('append-only', null, 'the history is not here, so that nobody can tell whether it was rewritten', hint),
    );
  }
  if (descends === false) {
    const hint = 'compare with an older clone: git log --all -- manifests drills';
    findings.push(error('append-only', null, 'the history does not contain the head that was known before', hint));
  }
  return findings;
};

/** The rules about what is in the repository. That something is missing from it is for `lib/audit/freshness.ts`. */
export const RULES: Readonly<Record<string, Rule>> = {
  belongs,
  outcome: outcomeRule,
  pairs,
  knownHosts,
  knownDrillers,
  times,
  drills: drillRecordRule,
  records: recordRule,
  verifiedCopies: verifiedCopiesRule,
  provision: provisionRule,
  looks: lookRule,
  attributes: attributesRule,
  chain: chainRule,
  appendOnly,
  witnessRule,
  closedKeys,
  expiringKeys,
  lastByClosedKey,
  arrivalRule,
  gapRule,
  copiesRule,
  recoverable: recoverableRule,
  keyEnd: keyEndRule,
  sizeRule,
};

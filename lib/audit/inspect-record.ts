import { deliveredBy } from '../model/delivered.ts';
import { runIdAt } from '../model/run-id.ts';
import { sha256Of } from '../system/files.ts';
import { parseDrill, parseHostRecord, parseManifest } from './canonical.ts';
import type { AuditFinding } from './finding.ts';
import type { Place } from './paths.ts';
import type { Found, PublishedDrill, PublishedLink, PublishedRecord } from './published.ts';
import { figuresOf, lacksOf } from './run-figures.ts';
import { isCanonicalArmor } from './signature-armor.ts';
import { publishedHints, signatureFault, validityFault } from './signature-fault.ts';
import type { SignerSet } from './signer-set.ts';
import { judgeSignature, wasValid } from './verify-signature.ts';

/** A record that stands beside its signature: where, and both as objects of git. */
export interface RecordPair {
  readonly path: string;
  readonly place: Place;
  readonly record: string;
  readonly signature: string;
}

/** What one record came to: a link, a drill, another record, or none of them; and what was found while it was read. */
export interface Inspected {
  readonly link?: PublishedLink;
  readonly drill?: PublishedDrill;
  readonly other?: PublishedRecord;
  readonly findings: AuditFinding[];
}

/** Reads and judges one record with its signature; whatever is wrong with either is a finding, never thrown. */
export async function inspectRecord(
  { path, place }: RecordPair,
  bytes: Buffer,
  signature: Buffer,
  signers: SignerSet,
): Promise<Inspected> {
  const findings: AuditFinding[] = [];
  const { host } = place;
  const found = (rule: string, message: string, hint: string) =>
    findings.push({ rule, severity: 'error', host, path, message, hint });
  const signer = place.of === 'drills' ? place.driller : host;
  const verdict = await judgeSignature({ bytes, signature, host: signer }, signers);
  if (verdict.kind !== 'valid') {
    const who = place.of === 'drills' ? 'this driller' : 'this host';
    const { message, hint } = signatureFault(verdict, {
      who,
      name: signer,
      ...publishedHints(path),
      changed: `see what was changed: git log -p -- ${path}; what ${signer} has signed is in its own copy beside the run`,
    });
    found('signature', message, hint);
  }
  if (verdict.kind === 'valid' && !isCanonicalArmor(signature))
    found('signature', 'its signature is good, and not written as ssh-keygen writes it', `see: git log -- ${path}.sig`);
  const foundOf = (finishedAt: string) => {
    const by = verdict.kind === 'valid' ? verdict.by : null;
    const trusted = by !== null && wasValid(by, new Date(finishedAt));
    if (by && !trusted) {
      const { message, hint } = validityFault(by, finishedAt);
      found('signer', message, hint);
    }
    return { path, sha256: sha256Of(bytes), trusted, signedBy: by?.fingerprint ?? null };
  };
  const stranger = (told: string) => {
    found(ruleOf(place), `it speaks of ${told}`, `see who put it there: git log -- ${path}`);
    return { findings };
  };
  try {
    if (place.of === 'drills') {
      const { version: _, kind: __, phases: ___, software: ____, ...facts } = parseDrill(bytes);
      const { driller, drill } = facts;
      if (facts.host !== host || drill !== place.name || driller !== place.driller)
        return stranger(`a drill of ${facts.host} by ${driller} at ${drill}`);
      return { drill: { ...facts, ...foundOf(facts.finishedAt) }, findings };
    }
    if (place.record !== 'backup') {
      const other = otherOf(bytes);
      if (other.host !== host || other.kind !== place.record || other.name !== place.name)
        return stranger(`a ${other.kind} of ${other.host} at ${other.name}`);
      return { other: { ...other, ...foundOf(other.finishedAt) }, findings };
    }
    const manifest = parseManifest(bytes);
    const { run, sequence, previous, outcome, startedAt, finishedAt, copies } = manifest;
    const figures = figuresOf(manifest);
    if (manifest.host !== host || run !== place.name) return stranger(`${manifest.host} ${run}`);
    const times = { startedAt, finishedAt };
    const facts = {
      host,
      run,
      sequence,
      previous,
      outcome,
      ...times,
      copies,
      deliveries: deliveredBy(manifest),
      error: manifest.error,
      figures,
      sealedFor: manifest.recipients.map(({ name, fingerprint }) => ({ name, fingerprint })),
      lacks: lacksOf(manifest),
    };
    return { link: { ...facts, ...foundOf(finishedAt) }, findings };
  } catch (error) {
    const cause = error instanceof Error ? error.message.replace(/^.*?: /, '') : String(error);
    found(ruleOf(place), cause, `see who put it there: git log -- ${path}`);
    return { findings };
  }
}

function otherOf(bytes: Buffer): Omit<PublishedRecord, keyof Found> {
  const parsed = parseHostRecord(bytes);
  const header = 'record' in parsed ? parsed.record : parsed.header;
  const { version, kind, host, sequence, previous, outcome, startedAt, finishedAt } = header;
  const facts = { version, kind, host, sequence, previous, outcome, startedAt, finishedAt };
  return { ...facts, name: runIdAt(new Date(startedAt)), record: 'record' in parsed ? parsed.record : null };
}

/** The rule by which a record that is none is found. */
function ruleOf({ of, record }: Place): string {
  if (of === 'drills') return 'drill-record';
  return record === 'backup' ? 'manifest' : 'record';
}

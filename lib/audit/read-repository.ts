import type { DrillRecord } from '../model/drill-record.ts';
import type { Manifest } from '../model/manifest.ts';
import type { RecipientName, Sha256 } from '../model/names.ts';
import type { HostRecord } from '../model/record.ts';
import type { RecordHeader } from '../model/record-header.ts';
import { type RunId, runIdAt } from '../model/run-id.ts';
import { sha256Of } from '../system/files.ts';
import { parseDrill, parseHostRecord, parseManifest } from './canonical.ts';
import { RECORD_LIMIT_BYTES } from './canonical-record.ts';
import type { AuditFinding } from './finding.ts';
import { readBlobs, readTree, type TreeEntry } from './git-objects.ts';
import { descendsFrom, type Rewrite, readRewrites } from './history.ts';
import { type OpenRepository, type Source, withRepository } from './open-repository.ts';
import { type Place, placeOf } from './paths.ts';
import { checkSignature } from './verify-signature.ts';

/** What the rules need of one published manifest, and whether its signature was found good. */
export type PublishedLink = Pick<
  Manifest,
  'host' | 'run' | 'sequence' | 'previous' | 'outcome' | 'startedAt' | 'finishedAt' | 'copies' | 'deliveries' | 'error'
> &
  Found & { readonly figures: Figures };

/** How much a run was. A run that failed has what it came to. */
export interface Figures {
  readonly databases: number;
  /** The SQL of all archives. */
  readonly plainBytes: number;
  /** The ciphertext of all archives. */
  readonly sealedBytes: number;
  /** null where there is no day archive. */
  readonly dayArchiveBytes: number | null;
  readonly recipients: readonly RecipientName[];
}

/** What the rules need of the published record of a drill. */
export type PublishedDrill = Omit<DrillRecord, 'version' | 'kind' | 'phases' | 'software'> & Found;

/** A published record of a host that is neither a run nor a drill: a link of the host's chain like its runs. */
export type PublishedRecord = RecordHeader &
  Found & {
    /** When it began. */
    readonly name: RunId;
    /** All of it; null for a kind that only a newer version has. */
    readonly record: HostRecord | null;
  };

interface Found {
  readonly path: string;
  readonly sha256: Sha256;
  /** Whether its signature is good. */
  readonly trusted: boolean;
}

/** The audit repository as a value: all that the rules look at. */
export interface AuditRepository {
  readonly head: string | null;
  readonly shallow: boolean;
  readonly entries: readonly TreeEntry[];
  readonly links: readonly PublishedLink[];
  readonly drills: readonly PublishedDrill[];
  readonly others: readonly PublishedRecord[];
  readonly rewrites: readonly Rewrite[];
  /** Whether the head was built on the one that the caller knew before; null when none was given. */
  readonly descends: boolean | null;
  /** What was found while reading records and signatures. */
  readonly findings: readonly AuditFinding[];
}

interface ReadOptions extends Source {
  /** Text of the inventory's `allowed_signers`. */
  readonly allowedSigners: string;
  /** A commit that was the head before. */
  readonly since?: string;
}

const SIGNATURE_LIMIT_BYTES = 16 * 1024;
const PROCESSES = 4;

/** Reads and checks every record of the repository: a few in memory at a time, only what rules need is kept. */
export function readRepository(options: ReadOptions): Promise<AuditRepository> {
  return withRepository(options, async (open) => {
    const { head, shallow, repository } = open;
    const nothing = { head, shallow, entries: [], links: [], drills: [], others: [], rewrites: [], findings: [] };
    if (head === null) return { ...nothing, descends: options.since === undefined ? null : false };
    const entries = await readTree(repository, head);
    const rewrites = await readRewrites(repository, head);
    const descends = options.since === undefined ? null : await descendsFrom(repository, head, options.since);
    return {
      head,
      shallow,
      entries,
      rewrites,
      descends,
      ...(await readRecords(open, entries, options.allowedSigners)),
    };
  });
}

interface Pair {
  readonly path: string;
  readonly place: Place;
  readonly record: string;
  readonly signature: string;
}

async function readRecords({ repository }: OpenRepository, entries: readonly TreeEntry[], allowedSigners: string) {
  const pairs = pairsOf(entries);
  const links: PublishedLink[] = [];
  const drills: PublishedDrill[] = [];
  const others: PublishedRecord[] = [];
  const findings: AuditFinding[] = [];
  const checking = new Set<Promise<void>>();
  const blobs = readBlobs(
    repository,
    pairs.flatMap(({ record, signature }) => [record, signature]),
  );
  for (const pair of pairs) {
    const [bytes, signature] = [(await blobs.next()).value as Buffer, (await blobs.next()).value as Buffer];
    const check = inspect(pair, bytes, signature, allowedSigners).then((result) => {
      checking.delete(check);
      findings.push(...result.findings);
      if (result.link) links.push(result.link);
      if (result.drill) drills.push(result.drill);
      if (result.other) others.push(result.other);
    });
    checking.add(check);
    if (checking.size >= PROCESSES) await Promise.race(checking);
  }
  await Promise.all(checking);
  await blobs.return(undefined);
  const byPath = <T extends { path: string | null }>(a: T, b: T) => ((a.path ?? '') < (b.path ?? '') ? -1 : 1);
  const inOrder = { links: links.sort(byPath), drills: drills.sort(byPath), others: others.sort(byPath) };
  return { ...inOrder, findings: findings.sort(byPath) };
}

/** Records that stand beside their signature. Others, and files too large to be either, are for the rules to name. */
function pairsOf(entries: readonly TreeEntry[]): Pair[] {
  const blobs = new Map(entries.filter(({ mode }) => mode === '100644').map((entry) => [entry.path, entry]));
  return [...blobs.values()].flatMap((entry) => {
    const place = placeOf(entry.path);
    const signature = blobs.get(`${entry.path}.sig`);
    if (typeof place !== 'object' || place.kind !== 'record' || !signature) return [];
    if ((entry.sizeBytes ?? 0) > RECORD_LIMIT_BYTES || (signature.sizeBytes ?? 0) > SIGNATURE_LIMIT_BYTES) return [];
    return [{ path: entry.path, place, record: entry.object, signature: signature.object }];
  });
}

interface Inspected {
  readonly link?: PublishedLink;
  readonly drill?: PublishedDrill;
  readonly other?: PublishedRecord;
  readonly findings: AuditFinding[];
}

async function inspect(
  { path, place }: Pair,
  bytes: Buffer,
  signature: Buffer,
  allowedSigners: string,
): Promise<Inspected> {
  const findings: AuditFinding[] = [];
  const { host } = place;
  const found = (rule: string, message: string, hint: string) =>
    findings.push({ rule, severity: 'error', host, path, message, hint });
  const signer = place.of === 'drills' ? place.driller : host;
  const verdict = await checkSignature({ bytes, signature, allowedSigners, host: signer });
  if (verdict === 'no signer') {
    found(
      'signature',
      `the inventory names no key that may sign for ${place.of === 'drills' ? 'this driller' : 'this host'}`,
      'see signers/allowed_signers in the inventory',
    );
  } else if (verdict === 'invalid') {
    found(
      'signature',
      `its signature is not one of ${place.of === 'drills' ? 'this driller' : 'this host'} over these bytes`,
      place.of === 'drills' ? `see who put it there: git log -- ${path}` : `compare with the host's copy in the store`,
    );
  }
  const sha256 = sha256Of(bytes);
  const trusted = verdict === 'valid';
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
      return { drill: { ...facts, path, sha256, trusted }, findings };
    }
    if (place.record !== 'backup') {
      const other = otherOf(bytes);
      if (other.host !== host || other.kind !== place.record || other.name !== place.name)
        return stranger(`a ${other.kind} of ${other.host} at ${other.name}`);
      return { other: { ...other, path, sha256, trusted }, findings };
    }
    const manifest = parseManifest(bytes);
    const { run, sequence, previous, outcome, startedAt, finishedAt, copies, deliveries } = manifest;
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
      deliveries,
      error: manifest.error,
      figures,
    };
    return { link: { ...facts, path, sha256, trusted }, findings };
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

function figuresOf({ archives, dayArchive, recipients }: Manifest): Figures {
  const sum = (of: 'plainBytes' | 'sealedBytes') => archives.reduce((bytes, archive) => bytes + archive[of], 0);
  return {
    databases: archives.filter(({ kind }) => kind === 'database').length,
    ...{ plainBytes: sum('plainBytes'), sealedBytes: sum('sealedBytes') },
    dayArchiveBytes: dayArchive?.sealedBytes ?? null,
    recipients: recipients.map(({ name }) => name),
  };
}

/** The rule by which a record that is none is found. */
function ruleOf({ of, record }: Place): string {
  if (of === 'drills') return 'drill-record';
  return record === 'backup' ? 'manifest' : 'record';
}

import { type Delivered, deliveredBy } from '../model/delivered.ts';
import type { DrillRecord } from '../model/drill-record.ts';
import type { Manifest, RecipientRecord } from '../model/manifest.ts';
import type { RecipientName, Sha256 } from '../model/names.ts';
import type { HostRecord } from '../model/record.ts';
import type { RecordHeader } from '../model/record-header.ts';
import { type RunId, runIdAt } from '../model/run-id.ts';
import { sha256Of } from '../system/files.ts';
import { parseDrill, parseHostRecord, parseManifest } from './canonical.ts';
import { RECORD_LIMIT_BYTES } from './canonical-record.ts';
import type { AuditFinding } from './finding.ts';
import { readBlobs } from './git-objects.ts';
import { type Arrival, descendsFrom, type Rewrite, readHistory } from './history.ts';
import { isOddArrival } from './odd-arrival.ts';
import { type OpenRepository, type Source, withRepository } from './open-repository.ts';
import type { Place } from './paths.ts';
import { type PlaceEvent, placeEventsOf } from './place-event.ts';
import { type PlacedEntry, readEntries } from './read-entries.ts';
import { readNewsOf } from './read-news.ts';
import { readWorkflow } from './read-workflow.ts';
import { sharer } from './sharer.ts';
import { isCanonicalArmor } from './signature-armor.ts';
import { signatureFault } from './signature-fault.ts';
import { type SignerSet, type SigningKey, signerSetOf } from './signer-set.ts';
import { SIGNATURE_LIMIT_BYTES } from './sshsig.ts';
import { judgeSignature, wasValid } from './verify-signature.ts';
import type { Seen } from './witness.ts';

/** What the rules need of one published manifest, and whether its signature was found good. */
export type PublishedLink = Pick<
  Manifest,
  'host' | 'run' | 'sequence' | 'previous' | 'outcome' | 'startedAt' | 'finishedAt' | 'copies' | 'error'
> &
  Found & {
    readonly deliveries: readonly Delivered[];
    readonly figures: Figures;
    /** Whose keys the passphrase of the run is sealed with. */
    readonly sealedFor: readonly Pick<RecipientRecord, 'name' | 'fingerprint'>[];
    /** What a run that succeeded has to have, and this one has not. */
    readonly lacks: readonly string[];
  };

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
  /** Whether its signature is good, by a key that was valid when it says it was made. */
  readonly trusted: boolean;
  /** Fingerprint of the key that has signed it, valid then or not; null where none of those that may has. */
  readonly signedBy: string | null;
}

/** The audit repository as a value: all that the rules look at. */
export interface AuditRepository {
  readonly head: string | null;
  readonly shallow: boolean;
  /** The branch that is current there, where none was asked for; null where one was, or where none is. */
  readonly branch: string | null;
  /** Text of the workflow that audit-init puts there; null where there is none. */
  readonly workflow: string | null;
  /** What may be where it is, and the first of what may not. */
  readonly entries: readonly PlacedEntry[];
  /** How many more there are of what may not be where it is; Infinity where nobody has counted any further. */
  readonly strays: number;
  readonly links: readonly PublishedLink[];
  readonly drills: readonly PublishedDrill[];
  readonly others: readonly PublishedRecord[];
  readonly rewrites: readonly Rewrite[];
  /** What came long after it says it was made, or before: see `isOddArrival`. */
  readonly arrivals: readonly Arrival[];
  /** Whether the head was built on the one that the caller knew before; null when none was given. */
  readonly descends: boolean | null;
  /** The same for the head that is remembered. */
  readonly extendsSeen: boolean | null;
  /** What came since a key was seen to be valid no longer, by its fingerprint. */
  readonly newsSince: ReadonlyMap<string, ReadonlySet<string>>;
  /** What later records say of copies. */
  readonly placeEvents: readonly PlaceEvent[];
  /** What was found while reading records and signatures. */
  readonly findings: readonly AuditFinding[];
}

interface ReadOptions extends Source {
  /** Text of the inventory's `allowed_signers`. */
  readonly allowedSigners: string;
  /** A commit that was the head before. */
  readonly since?: string;
  /** What was seen of it before. */
  readonly seen?: Seen | null;
  readonly now: Date;
}

/** Reads and checks every record of the repository: a few in memory at a time, only what rules need is kept. */
export function readRepository(options: ReadOptions): Promise<AuditRepository> {
  return withRepository(options, async (open) => {
    const { head, shallow, branch, repository } = open;
    const { since, seen, now } = options;
    const descendsFromHead = async (commit: string | undefined) => {
      if (commit === undefined) return null;
      return head !== null && (await descendsFrom(repository, head, commit));
    };
    const [descends, extendsSeen] = [await descendsFromHead(since), await descendsFromHead(seen?.head)];
    const judged = { head, shallow, branch, descends, extendsSeen };
    const unread = { rewrites: [], arrivals: [] };
    const nothing = {
      ...unread,
      entries: [],
      strays: 0,
      links: [],
      drills: [],
      others: [],
      placeEvents: [],
      findings: [],
    };
    if (head === null) return { ...nothing, ...judged, workflow: null, newsSince: new Map() };
    const { entries, strays } = await readEntries(repository, head);
    const known = extendsSeen && seen?.clean ? seen.head : undefined;
    const keepArrival = (arrival: Arrival) => isOddArrival(arrival, now);
    // Who has put more there than can be read has been seen; git could take forever to compare it.
    const isEndless = strays === Number.POSITIVE_INFINITY;
    const [history, newsSince, records] = await Promise.all([
      isEndless ? unread : readHistory({ repository, head, known, keepArrival }),
      isEndless ? new Map() : readNewsOf(repository, head, seen ?? null),
      readRecords(open, isEndless ? [] : entries, signerSetOf(options.allowedSigners)),
    ]);
    return {
      ...judged,
      entries,
      strays,
      workflow: await readWorkflow(repository, entries),
      ...history,
      placeEvents: placeEventsOf(records.others),
      newsSince,
      ...records,
    };
  });
}

interface Pair {
  readonly path: string;
  readonly place: Place;
  readonly record: string;
  readonly signature: string;
}

/** Node's own threads check their signatures meanwhile, four at a time. */
const AT_ONCE = 16;

async function readRecords({ repository }: OpenRepository, entries: readonly PlacedEntry[], signers: SignerSet) {
  const pairs = pairsOf(entries);
  const links: PublishedLink[] = [];
  const drills: PublishedDrill[] = [];
  const others: PublishedRecord[] = [];
  const findings: AuditFinding[] = [];
  const shared = sharer();
  const blobs = readBlobs(
    repository,
    pairs.flatMap(({ record, signature }) => [record, signature]),
  );
  const checking = new Set<Promise<void>>();
  for (const pair of pairs) {
    const [bytes, signature] = [(await blobs.next()).value as Buffer, (await blobs.next()).value as Buffer];
    const check = inspect(pair, bytes, signature, signers).then((result) => {
      checking.delete(check);
      findings.push(...result.findings);
      if (result.link) links.push(withShared(result.link, shared));
      if (result.drill) drills.push(result.drill);
      if (result.other) others.push(result.other);
    });
    checking.add(check);
    if (checking.size >= AT_ONCE) await Promise.race(checking);
  }
  await Promise.all(checking);
  await blobs.return(undefined);
  const byPath = <T extends { path: string | null }>(a: T, b: T) => ((a.path ?? '') < (b.path ?? '') ? -1 : 1);
  const inOrder = { links: links.sort(byPath), drills: drills.sort(byPath), others: others.sort(byPath) };
  return { ...inOrder, findings: findings.sort(byPath) };
}

function withShared(link: PublishedLink, shared: <T>(value: T) => T): PublishedLink {
  return {
    ...link,
    copies: shared(link.copies),
    deliveries: shared(link.deliveries),
    signedBy: shared(link.signedBy),
    figures: { ...link.figures, recipients: shared(link.figures.recipients) },
  };
}

/** Records that stand beside their signature. Others, and files too large to be either, are for the rules to name. */
function pairsOf(entries: readonly PlacedEntry[]): Pair[] {
  const blobs = new Map(entries.filter(({ mode }) => mode === '100644').map((entry) => [entry.path, entry]));
  return [...blobs.values()].flatMap((entry) => {
    const { place } = entry;
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
    const { message, hint } = signatureFault(verdict, { path, who, name: signer });
    found('signature', message, hint);
  }
  if (verdict.kind === 'valid' && !isCanonicalArmor(signature))
    found('signature', 'its signature is good, and not written as ssh-keygen writes it', `see: git log -- ${path}.sig`);
  const foundOf = (finishedAt: string) => {
    const by = verdict.kind === 'valid' ? verdict.by : null;
    const trusted = by !== null && wasValid(by, new Date(finishedAt));
    if (by && !trusted) found('signer', `${validityOf(by)}, and it says it was finished at ${finishedAt}`, LINES_HINT);
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

const LINES_HINT = 'see valid-after and valid-before in signers/allowed_signers of the inventory';

function validityOf({ fingerprint, lines }: SigningKey): string {
  const spans = lines.map(({ validAfter, validBefore }) =>
    [validAfter && `from ${validAfter.toISOString()}`, validBefore && `until ${validBefore.toISOString()}`]
      .filter((each) => each !== null)
      .join(' '),
  );
  return `it was signed by ${fingerprint}, which is valid ${spans.join(', and ')}`;
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

/** Without any of these nobody could restore the run, whatever its outcome is called. */
function lacksOf({ archives, snapshot, encryption, recipients, instructions, copies }: Manifest): readonly string[] {
  return [
    ...(archives.length === 0 ? ['archive'] : []),
    ...(snapshot === null ? ['snapshot'] : []),
    ...(encryption === null ? ['encryption'] : []),
    ...(recipients.length === 0 ? ['recipient'] : []),
    ...(instructions === null ? ['instructions'] : []),
    ...(copies.some(({ state }) => state === 'complete') ? [] : ['complete copy']),
  ];
}

/** The rule by which a record that is none is found. */
function ruleOf({ of, record }: Place): string {
  if (of === 'drills') return 'drill-record';
  return record === 'backup' ? 'manifest' : 'record';
}

import { RECORD_LIMIT_BYTES } from './canonical-record.ts';
import type { AuditFinding } from './finding.ts';
import { readBlobs } from './git-objects.ts';
import { type Arrival, descendsFrom, type Rewrite, readHistory } from './history.ts';
import { inspectRecord, type RecordPair } from './inspect-record.ts';
import { isOddArrival } from './odd-arrival.ts';
import { type CurrentBranch, type OpenRepository, type Source, withRepository } from './open-repository.ts';
import { type PlaceEvent, placeEventsOf } from './place-event.ts';
import type { PublishedDrill, PublishedLink, PublishedRecord } from './published.ts';
import { type PlacedEntry, readEntries } from './read-entries.ts';
import { readNewsOf } from './read-news.ts';
import { readWorkflow } from './read-workflow.ts';
import { sharer } from './sharer.ts';
import { type SignerSet, signerSetOf } from './signer-set.ts';
import { SIGNATURE_LIMIT_BYTES } from './sshsig.ts';
import type { Seen } from './witness.ts';

/** The audit repository as a value: all that the rules look at. */
export interface AuditRepository {
  readonly head: string | null;
  readonly shallow: boolean;
  /** Which branch was looked at, and whether anybody asked for it. */
  readonly branch: CurrentBranch;
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
    const check = inspectRecord(pair, bytes, signature, signers).then((result) => {
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
function pairsOf(entries: readonly PlacedEntry[]): RecordPair[] {
  const blobs = new Map(entries.filter(({ mode }) => mode === '100644').map((entry) => [entry.path, entry]));
  return [...blobs.values()].flatMap((entry) => {
    const { place } = entry;
    const signature = blobs.get(`${entry.path}.sig`);
    if (typeof place !== 'object' || place.kind !== 'record' || !signature) return [];
    if ((entry.sizeBytes ?? 0) > RECORD_LIMIT_BYTES || (signature.sizeBytes ?? 0) > SIGNATURE_LIMIT_BYTES) return [];
    return [{ path: entry.path, place, record: entry.object, signature: signature.object }];
  });
}

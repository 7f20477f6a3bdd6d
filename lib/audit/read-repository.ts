import type { Manifest } from '../model/manifest.ts';
import type { HostName, Sha256 } from '../model/names.ts';
import { sha256Of } from '../system/files.ts';
import { MANIFEST_LIMIT_BYTES, parseManifest } from './canonical.ts';
import type { AuditFinding } from './finding.ts';
import { readBlobs, readTree, type TreeEntry } from './git-objects.ts';
import { descendsFrom, type Rewrite, readRewrites } from './history.ts';
import { type OpenRepository, type Source, withRepository } from './open-repository.ts';
import { placeOf } from './paths.ts';
import { checkSignature } from './verify-signature.ts';

/** What the rules need of one published manifest, and whether its signature was found good. */
export type PublishedLink = Pick<
  Manifest,
  'host' | 'run' | 'sequence' | 'previous' | 'outcome' | 'startedAt' | 'finishedAt' | 'copies' | 'deliveries'
> & { readonly path: string; readonly sha256: Sha256; readonly trusted: boolean };

/** The audit repository as a value: all that the rules look at. */
export interface AuditRepository {
  readonly head: string | null;
  readonly shallow: boolean;
  readonly entries: readonly TreeEntry[];
  readonly links: readonly PublishedLink[];
  readonly rewrites: readonly Rewrite[];
  /** Whether the head was built on the one that the caller knew before; null when none was given. */
  readonly descends: boolean | null;
  /** What was found while reading manifests and signatures. */
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

/** Reads and checks every manifest of the repository: a few in memory at a time, only their links are kept. */
export function readRepository(options: ReadOptions): Promise<AuditRepository> {
  return withRepository(options, async (open) => {
    const { head, shallow, repository } = open;
    const nothing = { head, shallow, entries: [], links: [], rewrites: [], findings: [] };
    if (head === null) return { ...nothing, descends: options.since === undefined ? null : false };
    const entries = await readTree(repository, head);
    const rewrites = await readRewrites(repository, head);
    const descends = options.since === undefined ? null : await descendsFrom(repository, head, options.since);
    return { head, shallow, entries, rewrites, descends, ...(await readLinks(open, entries, options.allowedSigners)) };
  });
}

interface Pair {
  readonly path: string;
  readonly host: HostName;
  readonly manifest: string;
  readonly signature: string;
}

async function readLinks({ repository }: OpenRepository, entries: readonly TreeEntry[], allowedSigners: string) {
  const pairs = pairsOf(entries);
  const links: PublishedLink[] = [];
  const findings: AuditFinding[] = [];
  const checking = new Set<Promise<void>>();
  const blobs = readBlobs(
    repository,
    pairs.flatMap(({ manifest, signature }) => [manifest, signature]),
  );
  for (const pair of pairs) {
    const [bytes, signature] = [(await blobs.next()).value as Buffer, (await blobs.next()).value as Buffer];
    const check = inspect(pair, bytes, signature, allowedSigners).then((result) => {
      checking.delete(check);
      findings.push(...result.findings);
      if (result.link) links.push(result.link);
    });
    checking.add(check);
    if (checking.size >= PROCESSES) await Promise.race(checking);
  }
  await Promise.all(checking);
  await blobs.return(undefined);
  const byPath = <T extends { path: string | null }>(a: T, b: T) => ((a.path ?? '') < (b.path ?? '') ? -1 : 1);
  return { links: links.sort(byPath), findings: findings.sort(byPath) };
}

/** Manifests that stand beside their signature. Others, and files too large to be either, are for the rules to name. */
function pairsOf(entries: readonly TreeEntry[]): Pair[] {
  const blobs = new Map(entries.filter(({ mode }) => mode === '100644').map((entry) => [entry.path, entry]));
  return [...blobs.values()].flatMap((entry) => {
    const place = placeOf(entry.path);
    const signature = blobs.get(`${entry.path}.sig`);
    if (typeof place !== 'object' || place.kind !== 'manifest' || !signature) return [];
    if ((entry.sizeBytes ?? 0) > MANIFEST_LIMIT_BYTES || (signature.sizeBytes ?? 0) > SIGNATURE_LIMIT_BYTES) return [];
    return [{ path: entry.path, host: place.host, manifest: entry.object, signature: signature.object }];
  });
}

async function inspect(
  { path, host }: Pair,
  bytes: Buffer,
  signature: Buffer,
  allowedSigners: string,
): Promise<{ link?: PublishedLink; findings: AuditFinding[] }> {
  const findings: AuditFinding[] = [];
  const found = (rule: string, message: string, hint: string) =>
    findings.push({ rule, severity: 'error', host, path, message, hint });
  const verdict = await checkSignature({ bytes, signature, allowedSigners, host });
  if (verdict === 'no signer') {
    found(
      'signature',
      'the inventory names no key that may sign for this host',
      'see signers/allowed_signers in the inventory',
    );
  } else if (verdict === 'invalid') {
    found(
      'signature',
      'its signature is not one of this host over these bytes',
      `compare with the host's copy in the store`,
    );
  }
  let manifest: Manifest;
  try {
    manifest = parseManifest(bytes);
  } catch (error) {
    const cause = error instanceof Error ? error.message.replace(/^.*?: /, '') : String(error);
    found('manifest', cause, `see who put it there: git log -- ${path}`);
    return { findings };
  }
  const place = placeOf(path);
  if (typeof place !== 'object' || manifest.host !== place.host || manifest.run !== place.run) {
    found('manifest', `it speaks of ${manifest.host} ${manifest.run}`, `see who put it there: git log -- ${path}`);
    return { findings };
  }
  const { run, sequence, previous, outcome, startedAt, finishedAt, copies, deliveries } = manifest;
  const facts = { host, run, sequence, previous, outcome, startedAt, finishedAt, copies, deliveries };
  return { link: { ...facts, path, sha256: sha256Of(bytes), trusted: verdict === 'valid' }, findings };
}

import type { HostName } from '../model/names.ts';
import type { RunId } from '../model/run-id.ts';
import { RECORD_LIMIT_BYTES } from './canonical-record.ts';
import { readBlobs, readTree } from './git-objects.ts';
import { type Source, withRepository } from './open-repository.ts';
import { placeOf } from './paths.ts';

/** A record of a host as it is published, with its signature. Nothing of it is checked yet. */
export interface PublishedBytes {
  /** By its path: `backup` for a run, and otherwise what stands behind its name. */
  readonly kind: string;
  /** The run, or when it began. */
  readonly name: RunId;
  readonly bytes: Buffer;
  readonly signature: Buffer;
}

/** What the audit repository has of one host, in the order of time. */
export function readPublished(source: Source, host: HostName): Promise<readonly PublishedBytes[]> {
  return withRepository(source, async ({ repository, head }) => {
    if (head === null) return [];
    const entries = await readTree(repository, head, `manifests/${host}/`);
    const objectAt = new Map(
      entries
        .filter(({ sizeBytes }) => (sizeBytes ?? 0) <= RECORD_LIMIT_BYTES)
        .map(({ path, object }) => [path, object]),
    );
    const found = entries.flatMap(({ path }) => {
      const place = placeOf(path);
      if (typeof place !== 'object' || place.kind !== 'record' || place.host !== host) return [];
      const [record, signature] = [objectAt.get(path), objectAt.get(`${path}.sig`)];
      return record && signature ? [{ kind: place.record, name: place.name, objects: [record, signature] }] : [];
    });
    const pairs = found.sort((a, b) => (`${a.name} ${a.kind}` < `${b.name} ${b.kind}` ? -1 : 1));
    const blobs = readBlobs(
      repository,
      pairs.flatMap(({ objects }) => objects),
    );
    const published: PublishedBytes[] = [];
    for (const { kind, name } of pairs) {
      published.push({
        kind,
        name,
        bytes: (await blobs.next()).value as Buffer,
        signature: (await blobs.next()).value as Buffer,
      });
    }
    return published;
  });
}

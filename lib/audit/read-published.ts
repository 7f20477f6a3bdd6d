import type { HostName } from '../model/names.ts';
import type { RunId } from '../model/run-id.ts';
import { RECORD_LIMIT_BYTES } from './canonical-record.ts';
import { readBlobs, readTree } from './git-objects.ts';
import { type Source, withRepository } from './open-repository.ts';
import { manifestPath, placeOf } from './paths.ts';

/** A manifest as it is published, and its signature where there is one. Nothing of it is checked yet. */
export interface PublishedManifest {
  readonly run: RunId;
  readonly bytes: Buffer;
  readonly signature: Buffer;
}

/** What the audit repository has of one host, in the order of the runs. */
export function readPublished(source: Source, host: HostName): Promise<readonly PublishedManifest[]> {
  return withRepository(source, async ({ repository, head }) => {
    if (head === null) return [];
    const entries = await readTree(repository, head, `manifests/${host}/`);
    const objectAt = new Map(
      entries
        .filter(({ sizeBytes }) => (sizeBytes ?? 0) <= RECORD_LIMIT_BYTES)
        .map(({ path, object }) => [path, object]),
    );
    const pairs = entries.flatMap(({ path }) => {
      const place = placeOf(path);
      if (typeof place !== 'object' || place.kind !== 'record' || place.host !== host) return [];
      const [manifest, signature] = [objectAt.get(path), objectAt.get(`${manifestPath(host, place.name)}.sig`)];
      return manifest && signature ? [{ run: place.name, objects: [manifest, signature] }] : [];
    });
    const blobs = readBlobs(
      repository,
      pairs.flatMap(({ objects }) => objects),
    );
    const published: PublishedManifest[] = [];
    for (const { run } of pairs.sort((a, b) => (a.run < b.run ? -1 : 1))) {
      published.push({
        run,
        bytes: (await blobs.next()).value as Buffer,
        signature: (await blobs.next()).value as Buffer,
      });
    }
    return published;
  });
}

import { readDayArchive } from '../archive/read-day-archive.ts';
import type { Archive, Manifest } from '../model/manifest.ts';
import type { Bytes } from '../model/stages.ts';
import { ITERATIONS } from '../seal/cipher.ts';
import { openStream } from '../seal/open-stream.ts';
import type { Passphrase } from '../seal/passphrase.ts';
import type { RunReader } from '../storage/run-reader.ts';
import type { RestorePlan } from './plan-restore.ts';
import { readSealed } from './read-sealed.ts';

/**
 * The archives of a plan as plain `.tar.gz` or `.tar.zst` streams, in an order in which they can be loaded, which is that of the run.
 * Each MUST be read before the next is asked for.
 */
export async function* openArchives(
  plan: RestorePlan,
  manifest: Manifest,
  reader: RunReader,
  passphrase: Passphrase,
): AsyncGenerator<{ readonly archive: Archive; readonly content: Bytes }> {
  const options = { iterations: manifest.encryption?.iterations ?? ITERATIONS };
  const { dayArchive } = manifest;
  if (plan.form === 'store' || !dayArchive) {
    for (const archive of plan.archives) {
      yield { archive, content: openStream(await readSealed(reader, archive), passphrase, options) };
    }
    return;
  }
  const left = new Map(plan.archives.map((archive) => [archive.file.replace(/\.enc$/, ''), archive]));
  for await (const entry of readDayArchive(openStream(await readSealed(reader, dayArchive), passphrase, options))) {
    const archive = left.get(entry.name);
    if (!archive) continue;
    left.delete(entry.name);
    yield { archive, content: entry.content };
    if (left.size === 0) return;
  }
}

import { openArchive } from '../archive/open-archive.ts';
import type { Piece } from '../archive/piece.ts';
import type { Archive } from '../model/archive-record.ts';
import { compressionOf } from '../model/compression.ts';
import type { Manifest } from '../model/manifest.ts';
import type { Passphrase } from '../seal/passphrase.ts';
import type { RunReader } from '../storage/run-reader.ts';
import { openArchives } from './open-archives.ts';
import type { RestorePlan } from './plan-restore.ts';

/** What is in one archive of a plan, apart from loading it. Throws what reading it throws. */
export async function* readPieces(
  archive: Archive,
  plan: RestorePlan,
  manifest: Manifest,
  reader: RunReader,
  passphrase: Passphrase,
): AsyncGenerator<Piece, void, undefined> {
  for (const sequence of openArchives({ ...plan, archives: [archive] }, manifest, reader, passphrase, 1)) {
    for await (const { content } of sequence) {
      yield* openArchive(content, archive.database ?? 'accounts', compressionOf(archive.file)).pieces;
    }
  }
}

import { archiveDump } from '../archive/archive-stream.ts';
import { archiveFileName } from '../archive/file-name.ts';
import { type Dump, openSnapshot } from '../database/snapshot.ts';
import type { Emit } from '../model/event.ts';
import type { Archive, SnapshotRecord } from '../model/manifest.ts';
import { assertSameCounts } from '../model/object-counts.ts';
import { SEGMENT_BYTES } from '../model/segments.ts';
import { ITERATIONS } from '../seal/cipher.ts';
import { digestStream } from '../seal/digest-stream.ts';
import { sealStream } from '../seal/seal-stream.ts';
import { encodeSegments } from '../seal/segment-list.ts';
import type { RunFolder } from '../storage/run-folders.ts';
import { sha256Of } from '../system/files.ts';
import type { Completions } from './completions.ts';
import { metered } from './metered.ts';
import type { PreparedRun } from './prepare-run.ts';

export interface BackedUp {
  readonly archives: readonly Archive[];
  readonly snapshot: SnapshotRecord;
  readonly dumpProgram: string;
}

/**
 * Dump → archive → seal → store, for every database and the accounts, all at one snapshot. Tells `finished` of each
 * archive as soon as it is durable in the store's folder. When one fails, all are stopped, and nothing counts.
 */
export async function backUpDatabases(
  prepared: PreparedRun,
  folder: RunFolder,
  finished: Completions<Archive>,
  emit: Emit,
  signal: AbortSignal,
): Promise<BackedUp> {
  const { connection, server, host } = prepared;
  const snapshot = await openSnapshot(connection, server, { parallel: host.database.parallel, signal });
  try {
    emit({
      kind: 'note',
      subject: host.name,
      text: `one snapshot over ${snapshot.record.dumps} dumps, commits held back for ${snapshot.record.heldMs} ms`,
    });
    const archives = await Promise.all(
      snapshot.dumps.map(async (dump) => {
        try {
          const archive = await storeDump(dump, prepared, folder, emit, signal);
          finished.push(archive);
          return archive;
        } catch (error) {
          await snapshot.close(); // the others end too, instead of working for nothing
          throw error;
        }
      }),
    );
    finished.end();
    return { archives, snapshot: snapshot.record, dumpProgram: snapshot.program };
  } catch (error) {
    finished.fail(error);
    throw error;
  } finally {
    await snapshot.close();
  }
}

async function storeDump(
  dump: Dump,
  { compressor, passphrase, server }: PreparedRun,
  folder: RunFolder,
  emit: Emit,
  signal: AbortSignal,
): Promise<Archive> {
  const { database } = dump;
  const subject = database ?? 'accounts';
  const totalBytes = server.databases.find(({ name }) => name === database)?.dataBytes ?? null;
  const file = `${archiveFileName(database)}.enc`;
  const segmentsFile = `${file}.segments`;

  const watched = metered(dump.stream, { emit, phase: 'dump', subject, totalBytes, signal });
  const archive = archiveDump(watched, compressor);
  const sealed = digestStream(sealStream(archive.stream, passphrase, { iterations: ITERATIONS }));
  await folder.write(file, sealed.stream);
  const summary = await archive.summary;
  const digest = sealed.digest();
  assertSameCounts(subject, dump.expected, summary.counts);
  const segments = encodeSegments(digest.segments);
  await folder.writeSmall(segmentsFile, segments);
  return {
    kind: database === null ? 'accounts' : 'database',
    database,
    file,
    sealedBytes: digest.sealedBytes,
    sha256: digest.sha256,
    segments: { file: segmentsFile, sha256: sha256Of(segments), segmentBytes: SEGMENT_BYTES },
    plainBytes: summary.plainBytes,
    compressedBytes: summary.compressedBytes,
    largestStatementBytes: summary.largestStatementBytes,
    ...summary.counts,
    notPointInTimeTables: dump.notPointInTimeTables,
  };
}

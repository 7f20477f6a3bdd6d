import { archiveDump } from '../archive/archive-stream.ts';
import { archiveFileName } from '../archive/file-name.ts';
import { type Dump, openSnapshot } from '../database/snapshot.ts';
import type { Emit } from '../model/event.ts';
import type { Archive, ReplicationRecord, SnapshotRecord } from '../model/manifest.ts';
import { assertSameCounts } from '../model/object-counts.ts';
import { SEGMENT_BYTES } from '../model/segments.ts';
import { ITERATIONS } from '../seal/cipher.ts';
import { digestStream } from '../seal/digest-stream.ts';
import { sealStream } from '../seal/seal-stream.ts';
import { encodeSegments } from '../seal/segment-list.ts';
import type { RunFolder } from '../storage/run-folders.ts';
import { sha256Of } from '../system/files.ts';
import { metered } from './metered.ts';
import { openAtReplica } from './open-at-replica.ts';
import type { PreparedRun } from './prepare-run.ts';

/** Dumps on their way into the store. */
export interface DumpsUnderWay {
  /** Each archive once it is durable in the store's folder, in an order in which they can be loaded. */
  readonly archives: readonly Promise<Archive>[];
  readonly snapshot: SnapshotRecord;
  /** null for a server that is no replica. */
  readonly replication: ReplicationRecord | null;
  readonly dumpProgram: string;
  /** What went wrong first: the other dumps were stopped for it. Once all of `archives` have settled. */
  failure(): { readonly error: unknown } | undefined;
  /** Ends every dump that still runs. MUST be called. */
  close(): Promise<void>;
}

/**
 * Dump → archive → seal → store, for every database and the accounts, all at one snapshot. When one fails, all are
 * stopped, and nothing counts.
 */
export async function backUpDatabases(
  prepared: PreparedRun,
  folder: RunFolder,
  emit: Emit,
  signal: AbortSignal,
): Promise<DumpsUnderWay> {
  const { connection, server, host } = prepared;
  const { parallel } = host.database;
  const { snapshot, replication } = await openAtReplica(prepared, emit, (whileHeld) =>
    openSnapshot(connection, server, { parallel, signal, whileHeld }),
  );
  const { heldMs, dumps } = snapshot.record;
  const text = `one snapshot over ${dumps} dumps, commits held back for ${heldMs} ms`;
  emit({ kind: 'note', subject: host.name, text });
  let first: { readonly error: unknown } | undefined;
  const archives = snapshot.dumps.map(async (dump) => {
    try {
      return await storeDump(dump, prepared, folder, emit, signal);
    } catch (error) {
      first ??= { error };
      await snapshot.close(); // the others end too, instead of working for nothing
      throw error;
    }
  });
  for (const archive of archives) archive.catch(() => undefined); // `failure` tells
  return {
    archives,
    snapshot: snapshot.record,
    replication,
    dumpProgram: snapshot.program,
    failure: () => first,
    close: () => snapshot.close(),
  };
}

async function storeDump(
  dump: Dump,
  { compressor, dumpPace, passphrase, server }: PreparedRun,
  folder: RunFolder,
  emit: Emit,
  signal: AbortSignal,
): Promise<Archive> {
  const { database } = dump;
  const subject = database ?? 'accounts';
  const totalBytes = server.databases.find(({ name }) => name === database)?.dataBytes ?? null;
  const file = `${archiveFileName(database, compressor.writes)}.enc`;
  const segmentsFile = `${file}.segments`;

  const stream = dumpPace?.through(dump.stream) ?? dump.stream;
  const watched = metered(stream, { emit, phase: 'dump', subject, totalBytes, signal });
  const archive = archiveDump(watched, [], compressor);
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
    compression: compressor.writes,
    compressedBytes: summary.compressedBytes,
    largestStatementBytes: summary.largestStatementBytes,
    ...summary.counts,
    notPointInTimeTables: dump.notPointInTimeTables,
  };
}

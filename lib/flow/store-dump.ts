import { archiveDump } from '../archive/archive-stream.ts';
import { archiveFileName } from '../archive/file-name.ts';
import type { Dump } from '../database/dump.ts';
import type { Archive } from '../model/archive-record.ts';
import type { Emit } from '../model/event.ts';
import { assertSameCounts } from '../model/object-counts.ts';
import { SEGMENT_BYTES } from '../model/segments.ts';
import type { DumpStream } from '../model/stages.ts';
import { ITERATIONS } from '../seal/cipher.ts';
import { digestStream } from '../seal/digest-stream.ts';
import { sealStream } from '../seal/seal-stream.ts';
import { encodeSegments } from '../seal/segment-list.ts';
import type { RunFolder } from '../storage/run-folders.ts';
import { sha256Of } from '../system/files.ts';
import { meterOf } from './metered.ts';
import type { PreparedRun } from './prepare-run.ts';
import { publishedName } from './seal-names.ts';

export interface DumpPlace {
  readonly prepared: PreparedRun;
  readonly folder: RunFolder;
  readonly emit: Emit;
  readonly signal: AbortSignal;
  /** Tables without transactions that are named in the manifest. */
  readonly named: Dump['notPointInTime'];
}

/** Dump → archive → seal → store, for one database or the accounts. Durable when it returns. */
export async function storeDump(
  dump: Dump,
  stream: DumpStream,
  { prepared, folder, emit, signal, named }: DumpPlace,
): Promise<Archive> {
  const { compressor, dumpPace, namesKey, passphrase, server } = prepared;
  const { database } = dump;
  const published = database === null ? null : publishedName(namesKey, database);
  const subject = database ?? 'accounts';
  const totalBytes = server.databases.find(({ name }) => name === database)?.dataBytes ?? null;
  const file = `${archiveFileName(published, compressor.writes)}.enc`;
  const segmentsFile = `${file}.segments`;

  const meter = meterOf({ emit, phase: 'dump', subject, totalBytes, signal });
  const paced = (bytes: DumpStream) => meter(dumpPace?.through(bytes) ?? bytes);
  const laned = dump.laned && {
    structures: dump.laned.structures,
    lanes: dump.laned.lanes.map(({ rows, stream }) => ({ rows, stream: paced(stream) })),
  };
  const archive = archiveDump(paced(stream), laned, compressor);
  const sealed = digestStream(sealStream(archive.stream, passphrase, { iterations: ITERATIONS }));
  await folder.write(file, sealed.stream);
  const summary = await archive.summary;
  const digest = sealed.digest();
  assertSameCounts(subject, dump.expected, summary.counts);
  const segments = encodeSegments(digest.segments);
  await folder.writeSmall(segmentsFile, segments);
  return {
    kind: database === null ? 'accounts' : 'database',
    database: published,
    file,
    sealedBytes: digest.sealedBytes,
    sha256: digest.sha256,
    segments: { file: segmentsFile, sha256: sha256Of(segments), segmentBytes: SEGMENT_BYTES },
    plainBytes: summary.plainBytes,
    compression: compressor.writes,
    compressedBytes: summary.compressedBytes,
    largestStatementBytes: summary.largestStatementBytes,
    ...summary.counts,
    notPointInTimeTables: dump.notPointInTime.length,
    notPointInTime: named.map(({ table, engine }) => ({ table: publishedName(namesKey, table), engine })),
    dumpers: [...dump.dumpers],
  };
}

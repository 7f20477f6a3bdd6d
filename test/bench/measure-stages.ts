import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { archiveDump } from '../../lib/archive/archive-stream.ts';
import { type Compressor, chooseCompressor } from '../../lib/archive/compressor.ts';
import type { ThrowawaySshd } from '../../lib/host/throwaway-sshd.ts';
import { asStage, type Bytes, type DumpStream, type SealedStream, type TarStream } from '../../lib/model/stages.ts';
import { ITERATIONS } from '../../lib/seal/cipher.ts';
import { digestStream } from '../../lib/seal/digest-stream.ts';
import { Passphrase } from '../../lib/seal/passphrase.ts';
import { sealStream } from '../../lib/seal/seal-stream.ts';
import { drain } from '../../lib/system/bytes.ts';
import { makeFolder, readStream, writeDurably } from '../../lib/system/files.ts';
import { findProgram } from '../../lib/system/programs.ts';
import { connectSsh } from '../../lib/system/ssh.ts';
import { dumpOf } from './dump-of.ts';

/** One stage of the pipeline, alone. */
export interface StageFigure {
  readonly stage: string;
  /**
   * How often a run does it with every byte: what is sealed for the store is sealed again for the day archive. 0 for a
   * compressor that a run would not choose.
   */
  readonly passes: number;
  readonly wallMs: number;
  /** Of this process with its threads, without the programs that it starts. */
  readonly cpuMs: number;
  /** The SQL that what went through stands for: 4 MB of ciphertext may be 10 MB of SQL. */
  readonly sqlBytes: number;
}

export interface StageMaterial {
  readonly databases: readonly string[];
  /** Arguments with which mariadb-dump reaches the server. */
  readonly clientArguments: readonly string[];
  readonly contractor: ThrowawaySshd;
  /** For copies of the data, in the clear: on the disk that is to be measured. */
  readonly folder: string;
}

interface Stage extends Pick<StageFigure, 'stage' | 'passes' | 'sqlBytes'> {
  act(): Promise<unknown>;
}

/** What each compressor gets of each database: the slowest of them would need minutes for all. */
const SAMPLE_BYTES = 64 * 1024 * 1024;

/** Measures one stage after another, each fed from files that the page cache holds, so that reading costs next to nothing. */
export async function* measureStages(material: StageMaterial): AsyncGenerator<StageFigure, void, undefined> {
  for await (const { act, ...stage } of stagesOf(material)) {
    const from = performance.now();
    const usage = process.cpuUsage();
    await act();
    const { user, system } = process.cpuUsage(usage);
    yield { ...stage, wallMs: performance.now() - from, cpuMs: (user + system) / 1000 };
  }
}

async function* stagesOf({ databases, clientArguments, contractor, folder }: StageMaterial): AsyncGenerator<Stage> {
  const chosen = await chooseCompressor('auto');
  const at = (name: string) => join(folder, name);
  const [archives, sealed, written] = [at('archives.tar.gz'), at('sealed.dat'), at('written.dat')];
  const files = databases.map((database) => at(`${database}.sql`));
  await makeFolder(folder);
  let sqlBytes = 0;
  for (const [index, file] of files.entries()) {
    const dump = dumpOf(clientArguments, databases[index] ?? '');
    await writeDurably(
      file,
      passing(dump, (bytes) => {
        sqlBytes += bytes;
      }),
    );
  }
  const all = { passes: 1, sqlBytes };
  const allDumps = () => Promise.all(databases.map((database) => drain(dumpOf(clientArguments, database))));
  yield { ...all, stage: 'dump, all databases at once', act: allDumps };

  const archived = (compressor: Compressor) => joined(files, (file) => archiveOf(readStream(file), compressor));
  yield { ...all, stage: 'framing', act: () => drain(archived({ ...chosen, compress: (bytes) => bytes })) };
  await writeDurably(archives, archived(chosen));

  for (const name of ['igzip', 'pigz', 'gzip', 'zlib', 'zstd'] as const) {
    if (name !== 'zlib' && !findProgram(name)) continue;
    const compressor = await chooseCompressor(name);
    const sample = () => joined(files, (file) => readStream(file, 0, SAMPLE_BYTES));
    let sampleBytes = 0;
    const count = (bytes: number) => {
      sampleBytes += bytes;
    };
    await drain(passing(sample(), count));
    yield {
      stage: `compressor ${compressor.version}`,
      passes: name === chosen.name ? 1 : 0,
      sqlBytes: sampleBytes,
      act: () => drain(compressor.compress(sample())),
    };
  }

  const passphrase = Passphrase.random();
  const ciphertext = () => sealStream(asStage<TarStream>(readStream(archives)), passphrase, { iterations: ITERATIONS });
  yield { ...all, passes: 2, stage: 'cipher', act: () => drain(ciphertext()) };
  await writeDurably(sealed, ciphertext());
  const stored = () => asStage<SealedStream>(readStream(sealed));
  yield { ...all, passes: 2, stage: 'hash, whole and segments', act: () => drain(digestStream(stored()).stream) };
  yield { ...all, passes: 2, stage: 'disk, write and fsync', act: () => writeDurably(written, stored()) };
  yield { ...all, passes: 2, stage: 'disk, read', act: () => drain(stored()) };

  const connection = await connectSsh({
    ...contractor,
    identity: await readFile(contractor.identityPath),
    unreachable: 'offsite-unreachable',
  });
  try {
    const sftp = await connection.sftp();
    const remote = at('sent.dat');
    yield { ...all, stage: 'SFTP up, with fsync', act: () => sftp.upload(remote, stored()) };
    yield { ...all, stage: 'SFTP down', act: () => drain(sftp.download(remote)) };
  } finally {
    connection.close();
  }
}

function archiveOf(sql: Bytes, compressor: Compressor): Bytes {
  return archiveDump(asStage<DumpStream>(sql), null, compressor).stream;
}

async function* joined(files: readonly string[], read: (file: string) => Bytes): Bytes {
  for (const file of files) yield* read(file);
}

async function* passing(source: Bytes, count: (bytes: number) => void): Bytes {
  for await (const chunk of source) {
    count(chunk.length);
    yield chunk;
  }
}

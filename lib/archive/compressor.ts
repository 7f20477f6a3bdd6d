import { availableParallelism } from 'node:os';
import { createGzip } from 'node:zlib';
import { COMPRESSORS, type Compression, type CompressorName } from '../model/compression.ts';
import { CoffreError } from '../model/error.ts';
import type { Bytes } from '../model/stages.ts';
import { run } from '../system/command.ts';
import { filter, through } from '../system/pipes.ts';
import { findProgram, requireProgram } from '../system/programs.ts';
import { explainCompressor } from './explain-compressor.ts';

/** Something that writes gzip or zstd: one member, without a name or a time in its header. */
export interface Compressor {
  readonly name: CompressorName;
  readonly writes: Compression;
  /** Name and version, for the manifest: `igzip 2.30.0`. */
  readonly version: string;
  readonly level: number;
  /** Why it is this one: half a sentence. */
  readonly why: string;
  /** Throws `compressor-failed`, and what `bytes` throws. */
  compress(bytes: Bytes): Bytes;
}

type Program = Exclude<CompressorName, 'zlib'>;

/**
 * Threads of zstd for one archive: a database with nearly all of the data would have one core otherwise. Each costs some
 * 20 MB, and every archive under way has its own: hence the limit.
 */
const ZSTD_THREADS = Math.min(4, availableParallelism());

const ARGUMENTS: Readonly<Record<Program, readonly string[]>> = {
  igzip: ['-n', '-c'],
  pigz: ['-n', '-c'],
  gzip: ['-n', '-c'],
  zstd: ['-q', '-c', `-T${ZSTD_THREADS}`],
};

/**
 * The compressor that the inventory asks for; for `auto` the fastest writer of gzip that the host has, and zlib in this
 * process when it has none. `level` is its usual one if absent. Throws `program-missing` when the one asked for is not there.
 */
export async function chooseCompressor(setting: 'auto' | CompressorName, level?: number): Promise<Compressor> {
  const { name, why } = explainCompressor(setting, (program) => findProgram(program) !== undefined);
  const { writes, usualLevel } = COMPRESSORS[name];
  const facts = { name, writes, why, level: level ?? usualLevel };
  if (name === 'zlib') return { ...facts, ...zlib(facts.level) };
  return { ...facts, ...(await external(name, requireProgram(name), facts.level)) };
}

type Working = Pick<Compressor, 'version' | 'compress'>;

async function external(name: Program, path: string, level: number): Promise<Working> {
  const told = await run(path, [name === 'igzip' ? '-V' : '--version'], { timeoutMs: 10_000 });
  const number = /\d+(?:\.\d+)+/.exec(`${told.stdout}${told.stderr}`)?.[0];
  return {
    version: number === undefined ? name : `${name} ${number}`,
    compress: (bytes) =>
      filter(path, [`-${level}`, ...ARGUMENTS[name]], bytes, ({ exitCode }) => {
        const why = exitCode === null ? 'it was killed' : `exit code ${exitCode}`;
        return new CoffreError('compressor-failed', `cannot compress with ${path}: ${why}`, {
          hint: 'choose another one in the inventory: compression.program',
        });
      }),
  };
}

function zlib(level: number): Working {
  return {
    version: `zlib ${process.versions.zlib}`.replace(/-.*$/, ''),
    compress: (bytes) => {
      const gzip = createGzip({ level, chunkSize: 64 * 1024 });
      return through(gzip, bytes, (error) => error);
    },
  };
}

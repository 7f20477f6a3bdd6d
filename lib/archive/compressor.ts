import { constants, createGzip } from 'node:zlib';
import { CoffreError } from '../model/error.ts';
import type { Bytes } from '../model/stages.ts';
import { filter, run, through } from '../system/command.ts';
import { findProgram, requireProgram } from '../system/programs.ts';

/** Something that writes gzip: one member, without a name or a time in its header. */
export interface Compressor {
  readonly name: 'igzip' | 'pigz' | 'gzip' | 'zlib';
  /** Name and version, for the manifest: `igzip 2.30.0`. */
  readonly version: string;
  /** Throws `compressor-failed`, and what `bytes` throws. */
  compress(bytes: Bytes): Bytes;
}

type Program = Exclude<Compressor['name'], 'zlib'>;

/** igzip's level 2 comes to within two per cent of its highest, in half the time: ten times as fast as the others at six. */
const ARGUMENTS: Readonly<Record<Program, readonly string[]>> = {
  igzip: ['-2', '-n', '-c'],
  pigz: ['-6', '-n', '-c'],
  gzip: ['-6', '-n', '-c'],
};

/**
 * The compressor that the inventory asks for; for `auto` the fastest that the host has, and zlib in this process when
 * it has none. Throws `program-missing` when the one asked for is not there.
 */
export async function chooseCompressor(setting: 'auto' | Compressor['name']): Promise<Compressor> {
  if (setting === 'zlib') return zlib();
  if (setting !== 'auto') return external(setting, requireProgram(setting));
  for (const program of ['igzip', 'pigz'] as const) {
    const path = findProgram(program);
    if (path) return external(program, path);
  }
  return zlib();
}

async function external(name: Program, path: string): Promise<Compressor> {
  const told = await run(path, [name === 'igzip' ? '-V' : '--version'], { timeoutMs: 10_000 });
  const number = /\d+(?:\.\d+)+/.exec(`${told.stdout}${told.stderr}`)?.[0];
  return {
    name,
    version: number === undefined ? name : `${name} ${number}`,
    compress: (bytes) =>
      filter(path, ARGUMENTS[name], bytes, ({ exitCode }) => {
        const why = exitCode === null ? 'it was killed' : `exit code ${exitCode}`;
        return new CoffreError('compressor-failed', `cannot compress with ${path}: ${why}`, {
          hint: 'choose another one in the inventory: compression.program',
        });
      }),
  };
}

function zlib(): Compressor {
  return {
    name: 'zlib',
    version: `zlib ${process.versions.zlib}`.replace(/-.*$/, ''),
    compress: (bytes) => {
      const gzip = createGzip({ level: constants.Z_DEFAULT_COMPRESSION, chunkSize: 64 * 1024 });
      return through(gzip, bytes, (error) => error);
    },
  };
}

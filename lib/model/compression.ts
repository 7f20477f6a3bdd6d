/** What an archive is compressed as, and how its name ends in front of `.enc`. */
export const COMPRESSIONS = { gzip: '.tar.gz', zstd: '.tar.zst' } as const;
export type Compression = keyof typeof COMPRESSIONS;

interface CompressorFacts {
  readonly writes: Compression;
  /** The lowest and the highest level that it takes here. More than these cost a restore memory, or take days. */
  readonly levels: readonly [number, number];
  readonly usualLevel: number;
  /**
   * MB of SQL text a second and core at the usual level, measured on one machine (two cores with AVX2, Debian 12): good
   * for comparing them with each other, and for nothing else.
   */
  readonly megabytesPerSecond: number;
}

/**
 * Everything that can compress an archive; zlib is part of this process. igzip's level 2 comes to within two per cent of
 * its highest in two thirds of the time.
 */
export const COMPRESSORS = {
  igzip: { writes: 'gzip', levels: [0, 3], usualLevel: 2, megabytesPerSecond: 190 },
  pigz: { writes: 'gzip', levels: [1, 9], usualLevel: 6, megabytesPerSecond: 30 },
  gzip: { writes: 'gzip', levels: [1, 9], usualLevel: 6, megabytesPerSecond: 27 },
  zlib: { writes: 'gzip', levels: [1, 9], usualLevel: 6, megabytesPerSecond: 27 },
  zstd: { writes: 'zstd', levels: [1, 19], usualLevel: 3, megabytesPerSecond: 100 },
} as const satisfies Readonly<Record<string, CompressorFacts>>;
export type CompressorName = keyof typeof COMPRESSORS;

/**
 * The order in which `auto` looks for a compressor: the fastest first, of those that write what every machine opens. pigz
 * comes before zlib, which does no more a core, because it has all cores for one archive.
 */
export const AUTO_ORDER = ['igzip', 'pigz', 'zlib'] as const satisfies readonly CompressorName[];

/** How the archive of that name (`shop.tar.gz`, `shop.tar.zst.enc`) is compressed; undefined when it does not say. */
export function compressionOf(file: string): Compression | undefined {
  const name = file.replace(/\.enc$/, '');
  return (['gzip', 'zstd'] as const).find((compression) => name.endsWith(COMPRESSIONS[compression]));
}

import { CoffreError } from '../model/error.ts';
import type { SftpOffsiteConfig } from '../model/offsite-config.ts';
import { sha256Of } from '../system/files.ts';
import type { SshConnection } from '../system/ssh.ts';

/** Hashing over there takes its time with a large file; a server that does not run commands answers at once. */
const REHASH_BYTES_PER_MS = 10_000;
const REHASH_LEAST_MS = 30_000;
/** A command fails a little before it is known that its connection has gone. */
const GONE_MS = 1000;

/**
 * Programs that print a file's SHA-256 first on their line, the fast one first: that of openssl uses the processor's own
 * instructions, and coreutils' is often built without them, at a tenth of the speed.
 */
const HASHERS = [
  ['openssl', 'dgst', '-sha256', '-r'],
  ['sha256sum', '--'],
] as const;
type Hasher = (typeof HASHERS)[number];

/** The digest of each of so many segments, a line each. */
const SEGMENTS = `file=$1 bytes=$2 next=$3 end=$4; shift 4
while [ "$next" -lt "$end" ]; do dd if="$file" bs="$bytes" skip="$next" count=1 2>/dev/null | "$@" || exit; next=$((next + 1)); done`;
const DIGEST = /^\\?([0-9a-f]{64}) /;

type Commands = Pick<SshConnection, 'run' | 'isGone'>;

/** Segments of one file, from `first` on. */
export interface SegmentRange {
  readonly segmentBytes: number;
  readonly first: number;
  readonly count: number;
}

/**
 * Has a server hash what it holds, where the inventory asks for that and the server runs commands. What works is found out
 * once, and no more tried once it has failed. Every call throws when the connection is lost meanwhile.
 */
export class FarHashing {
  /** null where the server is not to hash, or cannot; undefined until that is known. */
  #hasher: Hasher | null | undefined;

  constructor(manner: SftpOffsiteConfig['verify']) {
    this.#hasher = manner === 'auto' || manner === 'rehash' ? undefined : null;
  }

  async isPossible(connection: Commands): Promise<boolean> {
    if (this.#hasher === undefined) this.#hasher = await this.#find(connection);
    return this.#hasher !== null;
  }

  /** undefined where the server cannot hash, or has another view of the path. */
  async digestOf(connection: Commands, path: string, sizeBytes: number): Promise<string | undefined> {
    if (!(await this.isPossible(connection)) || !this.#hasher) return undefined;
    const told = await run(connection, [...this.#hasher, path], sizeBytes);
    const digest = DIGEST.exec(told ?? '')?.[1];
    if (digest === undefined) this.#hasher = null;
    return digest;
  }

  async digestsOf(
    connection: Commands,
    path: string,
    { segmentBytes, first, count }: SegmentRange,
  ): Promise<readonly string[] | undefined> {
    if (!(await this.isPossible(connection)) || !this.#hasher) return undefined;
    const [program, ...words] = this.#hasher;
    const hasher = program === 'openssl' ? [program, ...words] : [program]; // each reads its standard input
    const numbers = [segmentBytes, first, first + count].map(String);
    const told = await run(connection, ['sh', '-c', SEGMENTS, 'sh', path, ...numbers, ...hasher], count * segmentBytes);
    const digests = told?.trimEnd().split('\n') ?? [];
    if (digests.length !== count) return undefined;
    return digests.map((line) => DIGEST.exec(line)?.[1] ?? '');
  }

  async #find(connection: Commands): Promise<Hasher | null> {
    for (const hasher of HASHERS) {
      if ((await run(connection, [...hasher, '/dev/null'], 0))?.startsWith(sha256Of(''))) return hasher;
    }
    return null;
  }
}

/** A server may refuse commands outright: undefined. */
async function run(connection: Commands, words: readonly string[], bytes: number): Promise<string | undefined> {
  const timeoutMs = REHASH_LEAST_MS + bytes / REHASH_BYTES_PER_MS;
  let failed: unknown = new CoffreError('offsite-unreachable', 'cannot have a file hashed: the connection broke');
  const ended = await connection.run(words, { timeoutMs }).catch((error: unknown) => {
    failed = error;
    return undefined;
  });
  if (ended?.exitCode === 0) return ended.stdout;
  if ((ended === undefined || ended.exitCode === null) && (await connection.isGone(GONE_MS))) throw failed;
  return undefined;
}

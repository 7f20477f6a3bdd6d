import { createHash } from 'node:crypto';
import { CoffreError } from '../model/error.ts';
import type { Verification } from '../model/manifest.ts';
import type { SftpOffsiteConfig } from '../model/offsite-config.ts';
import { sha256Of } from '../system/files.ts';
import type { Sftp } from '../system/sftp.ts';
import type { SshConnection } from '../system/ssh.ts';
import { Watermark } from '../system/watermark.ts';
import type { ContentFacts } from './offsite.ts';

/** Hashing over there takes its time with a large file; a server that does not run commands answers at once. */
const REHASH_BYTES_PER_MS = 10_000;
const REHASH_LEAST_MS = 30_000;

/**
 * Programs that print a file's SHA-256 first on their line, the fast one first: that of openssl uses the processor's own
 * instructions, and coreutils' is often built without them, at a tenth of the speed.
 */
const HASHERS = [
  ['openssl', 'dgst', '-sha256', '-r'],
  ['sha256sum', '--'],
] as const;
type Hasher = (typeof HASHERS)[number];

/** How much is read back at a time behind an upload. */
const STEP_BYTES = 8 * 1024 * 1024;

type Facts = ContentFacts & { readonly name: string };

/** The comparison of one file that is being sent. */
export interface Arriving {
  /** Told how much of the file is over there: it may be read back while the rest is still being sent. */
  readonly mark: Watermark;
  /** When all has been sent. Throws `verification-failed`. */
  compare(facts: Facts): Promise<Verification>;
}

/**
 * Compares files with what was sent over one connection, in the way that the inventory asks for. `auto` has the server hash
 * the file; where it runs no commands, or has another view of the path, the file is read back. What works is found
 * out once. A file that will be read back is read behind its upload.
 */
export class Arrivals {
  readonly #connection: Pick<SshConnection, 'run'>;
  readonly #sftp: Pick<Sftp, 'stat' | 'download'>;
  readonly #where: string;
  readonly #manner: SftpOffsiteConfig['verify'];
  /** null where the server is not to hash, or cannot; undefined until that is known. */
  #hasher: Hasher | null | undefined;

  constructor(
    connection: Pick<SshConnection, 'run'>,
    sftp: Pick<Sftp, 'stat' | 'download'>,
    where: string,
    manner: SftpOffsiteConfig['verify'],
  ) {
    this.#connection = connection;
    this.#sftp = sftp;
    this.#where = where;
    this.#manner = manner;
    this.#hasher = manner === 'auto' || manner === 'rehash' ? undefined : null;
  }

  async begin(path: string): Promise<Arriving> {
    if (this.#hasher === undefined) this.#hasher = await this.#findHasher();
    const mark = new Watermark();
    const readsBack = this.#hasher === null && (this.#manner === 'auto' || this.#manner === 'read-back');
    const behind = readsBack ? this.#readBack(path, mark) : undefined;
    behind?.catch(() => undefined); // `compare` tells, unless the upload has failed itself
    return { mark, compare: (facts) => this.#compare(path, facts, behind) };
  }

  async #compare(path: string, facts: Facts, behind: Promise<string> | undefined): Promise<Verification> {
    const sizeBytes = (await this.#sftp.stat(path))?.sizeBytes;
    if (sizeBytes !== facts.sizeBytes) throw mismatch(this.#where, facts.name);
    if (this.#manner === 'size') return 'size only';
    if (this.#hasher) {
      if (await this.#rehash(this.#hasher, path, facts)) return 're-hashed remotely';
      this.#hasher = null;
    }
    if (this.#manner === 'rehash') throw cannotRehash(this.#where);
    const sha256 = await (behind ?? this.#readBack(path, arrived(facts.sizeBytes)));
    if (sha256 !== facts.sha256) throw mismatch(this.#where, facts.name);
    return 'read back';
  }

  /** A server may refuse commands outright. Should the connection be broken instead, what comes next will say so. */
  async #run(words: readonly string[], timeoutMs: number): Promise<string | undefined> {
    const ended = await this.#connection.run(words, { timeoutMs }).catch(() => undefined);
    return ended?.exitCode === 0 ? ended.stdout : undefined;
  }

  async #findHasher(): Promise<Hasher | null> {
    for (const hasher of HASHERS) {
      if ((await this.#run([...hasher, '/dev/null'], REHASH_LEAST_MS))?.startsWith(sha256Of(''))) return hasher;
    }
    return null;
  }

  async #rehash(hasher: Hasher, path: string, { name, sizeBytes, sha256 }: Facts): Promise<boolean> {
    const told = await this.#run([...hasher, path], REHASH_LEAST_MS + sizeBytes / REHASH_BYTES_PER_MS);
    const digest = /^\\?([0-9a-f]{64}) /.exec(told ?? '')?.[1];
    if (digest !== undefined && digest !== sha256) throw mismatch(this.#where, name);
    return digest !== undefined;
  }

  async #readBack(path: string, mark: Watermark): Promise<string> {
    const hash = createHash('sha256');
    for (let seen = 0; ; ) {
      const there = await mark.reach(seen + STEP_BYTES);
      const from = seen;
      if (there > seen) {
        for await (const chunk of this.#sftp.download(path, seen, there - seen)) {
          hash.update(chunk);
          seen += chunk.length;
        }
      }
      if (seen === from) return hash.digest('hex');
    }
  }
}

function arrived(bytes: number): Watermark {
  const mark = new Watermark();
  mark.rise(bytes);
  mark.end();
  return mark;
}

export function mismatch(where: string, name: string): CoffreError {
  return new CoffreError('verification-failed', `cannot trust ${where}: ${name} is not there as it was sent`, {
    hint: `look at the disk and the free space of ${where}; the next run sends it again`,
  });
}

function cannotRehash(where: string): CoffreError {
  return new CoffreError(
    'offsite-unreachable',
    `cannot have ${where} hash what it holds: it runs neither openssl nor sha256sum`,
    {
      hint: 'set verify: auto for this offsite in inventory/hosts, which reads the copy back instead',
    },
  );
}

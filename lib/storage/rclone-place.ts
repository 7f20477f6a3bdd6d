import * as z from 'zod';
import { asCoffreError } from '../model/error.ts';
import type { RcloneOffsiteConfig } from '../model/rclone-offsite-config.ts';
import type { Rclone } from '../system/rclone.ts';

/** Of the digests that remotes tell, the strongest first. Any of them finds what has changed by accident. */
export const DIGESTS = ['sha256', 'sha1', 'md5'] as const;
export type DigestKind = (typeof DIGESTS)[number];

const Entry = z.object({
  Path: z.string(),
  Size: z.number(),
  IsDir: z.boolean(),
  Hashes: z.record(z.string(), z.string()).optional(),
});
/** A file or a folder, as `rclone lsjson` tells it. `Size` is negative where nobody knows. */
export type RcloneEntry = z.infer<typeof Entry>;

const LIST_MS = 600_000;
const PLAIN = ['--no-modtime', '--no-mimetype'];

/** The folder of a host's runs that rclone can reach. */
export class RclonePlace {
  readonly rclone: Rclone;
  /** For people. */
  readonly where: string;
  readonly manner: RcloneOffsiteConfig['verify'];
  readonly appendOnly: boolean;
  readonly #root: string;
  #digest: Promise<DigestKind | undefined> | undefined;

  constructor(rclone: Rclone, { name, remote, verify, appendOnly }: RcloneOffsiteConfig) {
    this.rclone = rclone;
    this.where = `${name} (${remote})`;
    this.manner = verify;
    this.appendOnly = appendOnly;
    this.#root = remote;
  }

  /** Of something in it, as rclone says it; of itself without `path`. */
  at(path = ''): string {
    if (path === '') return this.#root;
    return /[:/]$/.test(this.#root) ? `${this.#root}${path}` : `${this.#root}/${path}`;
  }

  /** What is in a folder; undefined where there is no such folder. */
  async list(path: string, words: readonly string[] = []): Promise<readonly RcloneEntry[] | undefined> {
    return await this.#unlessAbsent(async () => {
      const asked = ['lsjson', ...PLAIN, ...words, this.at(path)];
      return z.array(Entry).parse(JSON.parse(await this.rclone.ask(`list ${this.at(path)}`, asked, LIST_MS)));
    });
  }

  /** A file, with a digest of it where one is asked for and told; undefined where there is none. To hash it may take its time over there. */
  async stat(path: string, digest?: DigestKind): Promise<RcloneEntry | undefined> {
    return await this.#unlessAbsent(async () => {
      const hash = digest === undefined ? [] : ['--hash', '--hash-type', digest];
      const asked = ['lsjson', ...PLAIN, '--stat', ...hash, this.at(path)];
      return Entry.nullable().parse(JSON.parse(await this.rclone.ask(`look at ${this.at(path)}`, asked))) ?? undefined;
    });
  }

  /** The digest by which this remote tells what it has; undefined where it tells none of a kind that is known here. */
  digestTold(): Promise<DigestKind | undefined> {
    this.#digest ??= (async () => {
      const told = await this.rclone.ask(`ask what ${this.where} can do`, ['backend', 'features', this.at()], LIST_MS);
      const { Hashes = [] } = z.object({ Hashes: z.array(z.string()).nullish() }).parse(JSON.parse(told));
      return DIGESTS.find((kind) => Hashes?.includes(kind));
    })();
    this.#digest.catch(() => {
      this.#digest = undefined;
    });
    return this.#digest;
  }

  /** Bytes that may still be put there; undefined where it does not tell. */
  async freeBytes(): Promise<number | undefined> {
    const words = ['about', '--json', this.at()];
    const told = await this.rclone.ask(`ask ${this.where} for its free space`, words, LIST_MS).catch(() => '{}');
    return z.object({ free: z.number().optional() }).safeParse(JSON.parse(told)).data?.free;
  }

  async removeFile(path: string): Promise<void> {
    await this.rclone.ask(`remove ${this.at(path)}`, ['deletefile', this.at(path)], LIST_MS);
  }

  /** With all that is in it; what is not there is removed already. */
  async removeFolder(path: string): Promise<void> {
    if ((await this.list(path)) === undefined) return;
    await this.#unlessAbsent(() => this.rclone.ask(`remove ${this.at(path)}`, ['purge', this.at(path)]));
  }

  async #unlessAbsent<T>(act: () => Promise<T>): Promise<T | undefined> {
    try {
      return await act();
    } catch (error) {
      if (asCoffreError(error).code === 'not-found') return undefined;
      throw error;
    }
  }
}

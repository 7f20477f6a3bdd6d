import { createHash, type Hash } from 'node:crypto';
import { CoffreError } from '../model/error.ts';
import type { Verification } from '../model/manifest.ts';
import type { SftpOffsiteConfig } from '../model/offsite-config.ts';
import type { Sftp } from '../system/sftp.ts';
import { isDenied } from '../system/sftp-extensions.ts';
import type { SshConnection } from '../system/ssh.ts';
import { Watermark } from '../system/watermark.ts';
import type { FarHashing } from './far-hashing.ts';
import type { ContentFacts } from './offsite.ts';
import type { Resumable } from './resumable.ts';

/** A connection to the server, for as long as it lasts. */
export interface Session {
  readonly connection: Pick<SshConnection, 'run' | 'isGone'>;
  readonly sftp: Pick<Sftp, 'stat' | 'download' | 'upload' | 'removeFile'>;
}

/** The file that arrives. */
export interface Arriving {
  readonly name: string;
  readonly path: string;
  /** For people: the offsite. */
  readonly where: string;
  readonly content: Resumable;
  readonly manner: SftpOffsiteConfig['verify'];
  readonly hashing: FarHashing;
  /** Whether nothing of that name can be over there. */
  readonly isNew: boolean;
}

/**
 * One file on its way to a server that knows SFTP, over as many connections as it takes. What an earlier upload has left over there
 * is hashed by the server, or read back, before it is believed, segment by segment; the rest is sent. What has arrived is
 * compared in the way that the inventory asks for; a file that will be read back is read behind its upload, each byte once.
 */
export class Arrival {
  readonly #file: Arriving;
  #isNew: boolean;
  /** So many segments from the first on are over there as they should be. */
  #believed = 0;
  /** What is known of the next segment, as far as it has been read back. */
  #reading: { readonly hash: Hash; bytes: number } | undefined;
  /** What the server has said that it has, of what was sent from here; undefined where nothing was. */
  #sentBytes: number | undefined;

  constructor(file: Arriving) {
    this.#file = file;
    this.#isNew = file.isNew;
  }

  /** Grows whenever something was achieved. */
  progress(): number {
    const { segmentBytes } = this.#file.content;
    return (this.#sentBytes ?? 0) + this.#believed * segmentBytes + (this.#reading?.bytes ?? 0);
  }

  /** Sends what is missing. Throws `verification-failed`. May be called again when the connection was lost. */
  async send(session: Session, facts: () => Promise<ContentFacts>): Promise<Verification> {
    const { sftp, connection } = session;
    const { path, content, manner, hashing } = this.#file;
    const from = await this.#whereToGoOn(session);
    const isHashed = await hashing.isPossible(connection);
    const readsBack = !isHashed && (manner === 'auto' || manner === 'read-back');
    const mark = new Watermark();
    mark.rise(from ?? 0);
    const behind = readsBack ? this.#readBack(sftp, mark) : undefined;
    behind?.catch(() => undefined); // `#compare` tells, unless the upload has failed itself
    this.#sentBytes = from ?? 0;
    const onWritten = (bytes: number) => {
      this.#sentBytes = bytes;
      mark.rise(bytes);
    };
    try {
      await sftp.upload(path, content.from(from ?? 0), { onWritten, ...(from === undefined ? {} : { from }) });
      mark.end();
    } catch (error) {
      mark.fail(error);
      if (from === undefined || !isDenied(error)) throw error;
      // A server where nothing that is there can be written on.
      await sftp.removeFile(path);
      this.#forget();
      this.#isNew = true;
      return await this.send(session, facts);
    }
    return await this.#compare(session, await facts(), behind);
  }

  /** undefined where there is no such file. */
  async #whereToGoOn({ sftp, connection }: Session): Promise<number | undefined> {
    const { path, content } = this.#file;
    const isNew = this.#isNew;
    this.#isNew = false;
    const there = isNew ? undefined : await sftp.stat(path);
    if (there?.kind !== 'file') {
      this.#forget();
      return undefined;
    }
    const { sizeBytes } = there;
    const { segmentBytes } = content;
    const isTooLong = content.sizeBytes !== null && sizeBytes > content.sizeBytes;
    // What this upload has sent itself over an earlier connection is compared like all the rest that it sends.
    if (this.#sentBytes !== undefined && sizeBytes >= this.#sentBytes && !isTooLong) return this.#sentBytes;
    this.#forget();
    if (isTooLong) return 0;
    await this.#believe({ sftp, connection }, sizeBytes);
    const whole = Math.min(this.#believed * segmentBytes, sizeBytes);
    const rest = sizeBytes - whole;
    if (rest === 0 || rest >= segmentBytes) return whole;
    const hash = createHash('sha256');
    for await (const chunk of sftp.download(path, whole, rest)) hash.update(chunk);
    return hash.digest('hex') === (await content.digestOf(this.#believed, rest)) ? sizeBytes : whole;
  }

  #forget(): void {
    this.#believed = 0;
    this.#reading = undefined;
    this.#sentBytes = undefined;
  }

  /** Looks at the whole segments that are there, up to the first that is not as it should be. */
  async #believe(
    { sftp, connection }: Pick<Session, 'connection'> & { readonly sftp: Pick<Sftp, 'download'> },
    sizeBytes: number,
  ) {
    const { path, content, hashing } = this.#file;
    const { segmentBytes, segments } = content;
    const first = this.#believed;
    const whole = sizeBytes === content.sizeBytes ? segments.length : Math.floor(sizeBytes / segmentBytes);
    const count = Math.min(whole, segments.length) - first;
    if (count <= 0) return;
    const told = await hashing.digestsOf(connection, path, { segmentBytes, first, count });
    if (told) {
      const differs = told.findIndex((digest, index) => digest !== segments[first + index]);
      this.#believed += differs === -1 ? count : differs;
      return;
    }
    while (this.#believed < first + count) {
      const start = this.#believed * segmentBytes;
      if (!(await this.#isAsSent(sftp, Math.min(segmentBytes, sizeBytes - start)))) return;
    }
  }

  /** Reads the next segment back, which has so many bytes, or what is left of it to be read. */
  async #isAsSent(sftp: Pick<Sftp, 'download'>, bytes: number): Promise<boolean> {
    const { path, content } = this.#file;
    this.#reading ??= { hash: createHash('sha256'), bytes: 0 };
    const reading = this.#reading;
    const start = this.#believed * content.segmentBytes + reading.bytes;
    for await (const chunk of sftp.download(path, start, bytes - reading.bytes)) {
      reading.hash.update(chunk);
      reading.bytes += chunk.length;
    }
    this.#reading = undefined;
    if (reading.hash.digest('hex') !== content.segments[this.#believed]) return false;
    this.#believed += 1;
    return true;
  }

  async #readBack(sftp: Pick<Sftp, 'download'>, mark: Watermark): Promise<void> {
    const { name, where, content } = this.#file;
    for (;;) {
      const start = this.#believed * content.segmentBytes;
      const bytes = Math.min(content.segmentBytes, (await mark.reach(start + content.segmentBytes)) - start);
      if (bytes <= 0) return;
      if (!(await this.#isAsSent(sftp, bytes))) throw mismatch(where, name);
    }
  }

  async #compare(
    { sftp, connection }: Session,
    { sizeBytes, sha256 }: ContentFacts,
    behind: Promise<void> | undefined,
  ): Promise<Verification> {
    const { name, path, where, manner, hashing, content } = this.#file;
    if ((await sftp.stat(path))?.sizeBytes !== sizeBytes) throw mismatch(where, name);
    if (manner === 'size') return 'size only';
    const digest = await hashing.digestOf(connection, path, sizeBytes);
    if (digest !== undefined && digest !== sha256) throw mismatch(where, name);
    if (digest !== undefined) return 're-hashed remotely';
    if (manner === 'rehash') throw cannotRehash(where);
    await (behind ?? this.#readBack(sftp, arrived(sizeBytes)));
    if (this.#believed !== content.segments.length) throw mismatch(where, name);
    return 'read back';
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

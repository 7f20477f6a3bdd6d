import type { SFTPWrapper, Stats } from 'ssh2';
import { CoffreError } from '../model/error.ts';
import type { Bytes } from '../model/stages.ts';
import { readAhead, writeAll } from './sftp-blocks.ts';
import { flush, freeBytes, isDenied, renameOver } from './sftp-extensions.ts';
import { type SftpLink, sftpRequests } from './sftp-requests.ts';

/** What is known of a remote file or folder. */
export interface RemoteStat {
  readonly kind: 'file' | 'folder' | 'other';
  readonly sizeBytes: number;
}

export interface RemoteEntry extends RemoteStat {
  readonly name: string;
}

/**
 * SFTP version 3 with promises. Every call throws the connection's own error when the connection breaks,
 * `not-found` for what is not there, and otherwise a sentence with the status that the server gave.
 */
export interface Sftp {
  /** undefined when there is nothing: status 2 and no other. Does not follow a link. */
  stat(path: string): Promise<RemoteStat | undefined>;
  /** The same of what a link leads to. */
  statTarget(path: string): Promise<RemoteStat | undefined>;
  list(path: string): Promise<readonly RemoteEntry[]>;
  /** Makes a folder and its parents; an existing one stays as it is. */
  makeFolder(path: string): Promise<void>;
  /**
   * Refuses, as the protocol says, when `to` is there. Where a server does not allow that, by `posix-rename`, which may
   * replace an empty folder that appears in between.
   */
  rename(from: string, to: string): Promise<void>;
  removeFile(path: string): Promise<void>;
  /** Removes a folder with all in it; what is not there is removed already. */
  removeFolder(path: string): Promise<void>;
  /**
   * Writes a file and flushes it to the remote disk where the server can. Returns how many bytes it has then. The file must be
   * new, unless `from` says where it goes on: what was there up to then stays, and nothing of it from 0 on.
   * `onWritten` is told each time how many bytes the server has from the first on.
   */
  upload(path: string, source: Bytes, options?: UploadOptions): Promise<number>;
  /** A file from `start` on, at most `bytes` of it. */
  download(path: string, start?: number, bytes?: number): Bytes;
  /** What is left for the account at `path`; undefined where the server does not tell. */
  freeBytes(path: string): Promise<number | undefined>;
  /** Whether everything that was written could be flushed to the remote disk. True while nothing was. */
  flushes(): boolean;
  /** Whether something was renamed by `posix-rename`. */
  renamesOver(): boolean;
  /** Whether the session is over: every call fails. */
  isGone(): boolean;
  close(): void;
}

export interface UploadOptions {
  readonly from?: number;
  readonly onWritten?: (bytes: number) => void;
}

export function wrapSftp(raw: SFTPWrapper, link: SftpLink): Sftp {
  const { ask, isGone } = sftpRequests(link);
  let flushes = true;
  let renamesOver = false;
  const absent = async <T>(asked: Promise<T>): Promise<T | undefined> =>
    asked.catch((error: unknown) => {
      if (error instanceof CoffreError && error.code === 'not-found') return undefined;
      throw error;
    });
  const close = (handle: Buffer) => ask<void>('close a file', (done) => raw.close(handle, (error) => done(error)));

  const sftp: Sftp = {
    async stat(path) {
      const stats = await absent(ask<Stats>(`look at ${path}`, (done) => raw.lstat(path, done)));
      return stats && describe(stats);
    },
    async statTarget(path) {
      const stats = await absent(ask<Stats>(`look at ${path}`, (done) => raw.stat(path, done)));
      return stats && describe(stats);
    },
    async list(path) {
      const entries = await ask<{ filename: string; attrs: Stats }[]>(`list ${path}`, (done) =>
        raw.readdir(path, done as Parameters<SFTPWrapper['readdir']>[1]),
      );
      const named = entries.map(({ filename, attrs }) => ({ name: filename, ...describe(attrs) }));
      return named.filter(({ name }) => name !== '.' && name !== '..' && !name.includes('/'));
    },
    async makeFolder(path) {
      if (await sftp.stat(path)) return;
      const parent = path.replace(/\/+[^/]*\/*$/, '');
      if (parent !== '' && parent !== path) await sftp.makeFolder(parent);
      await ask<void>(`make the folder ${path}`, (done) => raw.mkdir(path, { mode: 0o700 }, (error) => done(error)));
    },
    async rename(from, to) {
      try {
        await ask<void>(`rename ${from}`, (done) => raw.rename(from, to, (error) => done(error)));
      } catch (error) {
        if (!isDenied(error) || (await sftp.stat(to))) throw error;
        if ((await renameOver(raw, from, to, ask)) === 'lacking') throw error;
        renamesOver = true;
      }
    },
    removeFile: (path) => ask<void>(`remove ${path}`, (done) => raw.unlink(path, (error) => done(error))),
    async removeFolder(path) {
      for (const { name, kind } of (await absent(sftp.list(path))) ?? []) {
        if (kind === 'folder') await sftp.removeFolder(`${path}/${name}`);
        else await sftp.removeFile(`${path}/${name}`);
      }
      await absent(ask<void>(`remove ${path}`, (done) => raw.rmdir(path, (error) => done(error))));
    },
    async upload(path, source, { from, onWritten } = {}) {
      const flags = from === undefined ? 'wx' : from === 0 ? 'w' : 'r+';
      const handle = await ask<Buffer>(`write ${path}`, (done) => raw.open(path, flags, { mode: 0o600 }, done));
      const write = (block: Buffer, position: number) =>
        ask<void>(`write ${path}`, (done) => raw.write(handle, block, 0, block.length, position, (e) => done(e)));
      try {
        const written = await writeAll(source, write, { from, onWritten });
        flushes = (await flush(raw, handle, path, ask)) && flushes;
        return written;
      } finally {
        await close(handle).catch(() => undefined); // whatever it says, the flush or the write has said it before
      }
    },
    async *download(path, start = 0, bytes = Number.POSITIVE_INFINITY) {
      const handle = await ask<Buffer>(`read ${path}`, (done) => raw.open(path, 'r', done));
      try {
        const { size } = await ask<Stats>(`look at ${path}`, (done) => raw.fstat(handle, done));
        const read = (buffer: Buffer, position: number) =>
          ask<number>(`read ${path}`, (done) => raw.read(handle, buffer, 0, buffer.length, position, done));
        yield* readAhead(start, Math.min(size, start + bytes), read);
      } finally {
        await close(handle).catch(() => undefined);
      }
    },
    freeBytes: (path) => freeBytes(raw, path, ask),
    flushes: () => flushes,
    renamesOver: () => renamesOver,
    isGone,
    close: () => raw.end(),
  };
  return sftp;
}

function describe(stats: Stats): RemoteStat {
  const kind = stats.isDirectory() ? 'folder' : stats.isFile() ? 'file' : 'other';
  return { kind, sizeBytes: stats.size };
}

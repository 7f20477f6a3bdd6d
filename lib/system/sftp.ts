import type { SFTPWrapper, Stats } from 'ssh2';
import { CoffreError } from '../model/error.ts';
import type { Bytes } from '../model/stages.ts';
import { readAhead, writeAll } from './sftp-blocks.ts';
import { sftpRefusal } from './sftp-refusal.ts';

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
  /** Refuses, as the protocol says, when `to` is there. */
  rename(from: string, to: string): Promise<void>;
  removeFile(path: string): Promise<void>;
  /** Removes a folder with all in it; what is not there is removed already. */
  removeFolder(path: string): Promise<void>;
  /**
   * Writes a new file and flushes it to the remote disk where the server can. Returns how many bytes it wrote.
   * `onWritten` is told each time how many bytes the server has from the first on.
   */
  upload(path: string, source: Bytes, onWritten?: (bytes: number) => void): Promise<number>;
  /** A file from `start` on, at most `bytes` of it. */
  download(path: string, start?: number, bytes?: number): Bytes;
  close(): void;
}

type Callback<T> = (error: Error | null | undefined, value: T) => void;
type Ask = <T>(what: string, send: (done: Callback<T>) => void) => Promise<T>;

/** What the SFTP session needs of the connection under it. */
interface Link {
  /** An error that has no SFTP status, such as a broken connection, as one of ours. */
  readonly failed: (error: unknown) => Error;
  /** Calls `react` once, when the connection is gone. */
  readonly onGone: (react: () => void) => void;
}

export function wrapSftp(raw: SFTPWrapper, { failed, onGone }: Link): Sftp {
  // ssh2 fails what is under way when the connection goes, and then takes requests that it never answers.
  const waiting = new Set<() => void>();
  let gone = false;
  onGone(() => {
    gone = true;
    for (const giveUp of waiting) giveUp();
  });
  const ask: Ask = (what, send) =>
    new Promise((resolve, reject) => {
      const giveUp = () => reject(failed(new Error('the connection broke')));
      if (gone) return giveUp();
      waiting.add(giveUp);
      const done: Parameters<typeof send>[0] = (error, value) => {
        waiting.delete(giveUp);
        if (error) reject(sftpRefusal(what, error, failed));
        else resolve(value);
      };
      try {
        send(done);
      } catch (error) {
        done(error as Error, undefined as never);
      }
    });
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
    rename: (from, to) => ask<void>(`rename ${from}`, (done) => raw.rename(from, to, (error) => done(error))),
    removeFile: (path) => ask<void>(`remove ${path}`, (done) => raw.unlink(path, (error) => done(error))),
    async removeFolder(path) {
      for (const { name, kind } of (await absent(sftp.list(path))) ?? []) {
        if (kind === 'folder') await sftp.removeFolder(`${path}/${name}`);
        else await sftp.removeFile(`${path}/${name}`);
      }
      await absent(ask<void>(`remove ${path}`, (done) => raw.rmdir(path, (error) => done(error))));
    },
    async upload(path, source, onWritten) {
      const handle = await ask<Buffer>(`write ${path}`, (done) => raw.open(path, 'wx', { mode: 0o600 }, done));
      const write = (block: Buffer, position: number) =>
        ask<void>(`write ${path}`, (done) => raw.write(handle, block, 0, block.length, position, (e) => done(e)));
      try {
        const written = await writeAll(source, write, onWritten);
        await flush(raw, handle, path, ask);
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
    close: () => raw.end(),
  };
  return sftp;
}

/** fsync, where the server has OpenSSH's extension; where it has not, ssh2 throws at once. */
function flush(raw: SFTPWrapper, handle: Buffer, path: string, ask: Ask): Promise<void> {
  return ask<void>(`flush ${path}`, (done) => {
    try {
      raw.ext_openssh_fsync(handle, (error) => done(error));
    } catch {
      done(undefined, undefined);
    }
  });
}

function describe(stats: Stats): RemoteStat {
  const kind = stats.isDirectory() ? 'folder' : stats.isFile() ? 'file' : 'other';
  return { kind, sizeBytes: stats.size };
}

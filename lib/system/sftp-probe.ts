import type { SFTPWrapper, Stats } from 'ssh2';

/**
 * What an SFTP session may touch. A refusal is the answer false or undefined; each call throws the connection's own
 * error when the connection breaks.
 */
export interface SftpProbe {
  /** Where a path leads, as the server sees it. */
  resolve(path: string): Promise<string | undefined>;
  /** Whether one byte of it could be read. A folder cannot. */
  canRead(path: string): Promise<boolean>;
  /** Whether a file could be opened to be changed. Nothing is written. */
  canChange(path: string): Promise<boolean>;
  canList(path: string): Promise<boolean>;
  /** The permission bits that the server tells of it; undefined when it tells none. */
  modeOf(path: string): Promise<number | undefined>;
  /** Makes a symbolic link at `path`, which the caller removes. */
  link(target: string, path: string): Promise<boolean>;
  /** Whether a file of the caller's can be flushed to the remote disk. */
  flushes(path: string): Promise<boolean>;
  /** Renames a file of the caller's over another one: what SFTP's own rename refuses. */
  replaces(from: string, to: string): Promise<boolean>;
  /** What is left for the account where `path` is; undefined when the server does not say. */
  freeBytes(path: string): Promise<number | undefined>;
  close(): void;
}

type Ask = <T, R>(
  send: (done: (error: Error | null | undefined, value?: T) => void) => void,
  granted: (value: T) => R,
  refused: (why: Error) => R,
) => Promise<R>;

interface FileSystem {
  readonly f_frsize: number;
  readonly f_bavail: number;
}

export function sftpProbe(raw: SFTPWrapper, ask: Ask): SftpProbe {
  type Done = (error: Error | null | undefined, value?: never) => void;
  const granted = (send: (done: Done) => void) =>
    ask<unknown, boolean>(
      send as Parameters<typeof ask>[0],
      () => true,
      () => false,
    );
  const given = <T>(send: (done: (error: Error | null | undefined, value?: T) => void) => void) =>
    ask<T, T | undefined>(
      send,
      (value) => value,
      () => undefined,
    );
  /** ssh2 throws at once for an extension that the server does not have. */
  const extension = (send: (done: Done) => void) =>
    granted((done) => {
      try {
        send(done);
      } catch (error) {
        done(error as Error);
      }
    });
  const withHandle = async (path: string, flags: 'r' | 'r+', act: (handle: Buffer) => Promise<boolean>) => {
    const handle = await given<Buffer>((done) => raw.open(path, flags, done));
    if (!handle) return false;
    try {
      return await act(handle);
    } finally {
      await granted((done) => raw.close(handle, done));
    }
  };

  return {
    resolve: (path) => given<string>((done) => raw.realpath(path, done)),
    canRead: (path) =>
      withHandle(path, 'r', (handle) => granted((done) => raw.read(handle, Buffer.alloc(1), 0, 1, 0, done as never))),
    canChange: (path) => withHandle(path, 'r+', async () => true),
    async canList(path) {
      const handle = await given<Buffer>((done) => raw.opendir(path, done));
      if (!handle) return false;
      await granted((done) => raw.close(handle, done));
      return true;
    },
    async modeOf(path) {
      const stats = await given<Stats>((done) => raw.stat(path, done));
      return stats && stats.mode & 0o7777;
    },
    link: (target, path) => granted((done) => raw.symlink(target, path, done)),
    flushes: (path) => withHandle(path, 'r+', (handle) => extension((done) => raw.ext_openssh_fsync(handle, done))),
    replaces: (from, to) => extension((done) => raw.ext_openssh_rename(from, to, done)),
    async freeBytes(path) {
      const told = await given<FileSystem>((done) => {
        try {
          raw.ext_openssh_statvfs(path, done as never);
        } catch (error) {
          done(error as Error);
        }
      });
      return told && told.f_frsize * told.f_bavail;
    },
    close: () => raw.end(),
  };
}

import type { SFTPWrapper, Stats } from 'ssh2';
import { CoffreError } from '../model/error.ts';
import type { Bytes } from '../model/stages.ts';
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

/**
 * What OpenSSH takes in one request; ssh2 cuts it smaller for a server that announces less. Each request costs the same
 * at either end, whatever its size. A slow answer costs nothing while others are under way: as many of them as the two mebibytes that both
 * OpenSSH and ssh2 let a channel have on the line.
 */
const BLOCK_BYTES = 255 * 1024;
const OUTSTANDING = 8;

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

/** One block after another would wait for the network each time: so many of them are under way at once, each as large as can be. */
async function writeAll(
  source: Bytes,
  write: (block: Buffer, position: number) => Promise<void>,
  onWritten: (bytes: number) => void = () => undefined,
): Promise<number> {
  const underWay = new Map<Promise<void>, number>();
  const free: Buffer[] = [];
  const take = () => free.pop() ?? Buffer.allocUnsafeSlow(BLOCK_BYTES);
  let block = take();
  let filled = 0;
  let position = 0;
  let failed: { error: unknown } | undefined;
  const send = async () => {
    const sent = block;
    const writing = write(sent.subarray(0, filled), position)
      .catch((error: unknown) => {
        failed ??= { error };
      })
      .then(() => {
        underWay.delete(writing);
        free.push(sent);
        // In the order in which they were sent: what comes first is the oldest that has no answer yet.
        const [oldest = position] = underWay.values();
        if (!failed) onWritten(oldest);
      });
    underWay.set(writing, position);
    position += filled;
    filled = 0;
    if (underWay.size >= OUTSTANDING) await Promise.race(underWay.keys());
    if (failed) throw failed.error;
    block = take();
  };
  try {
    for await (const chunk of source) {
      for (let offset = 0; offset < chunk.length; ) {
        const copied = chunk.copy(block, filled, offset);
        filled += copied;
        offset += copied;
        if (filled === BLOCK_BYTES) await send();
      }
    }
    if (filled > 0) await send();
  } finally {
    await Promise.all(underWay.keys());
  }
  if (failed) throw failed.error;
  return position;
}

async function* readAhead(
  start: number,
  end: number,
  read: (buffer: Buffer, position: number) => Promise<number>,
): Bytes {
  /** A server may answer with fewer bytes than asked for: that is not yet the end. */
  const readBlock = async (block: Buffer, position: number, bytes: number): Promise<Buffer> => {
    let filled = 0;
    while (filled < bytes) {
      const got = await read(block.subarray(filled, bytes), position + filled);
      if (got === 0) break;
      filled += got;
    }
    return block.subarray(0, filled);
  };
  const ahead: { readonly memory: Buffer; readonly content: Promise<Buffer> }[] = [];
  const free: Buffer[] = [];
  let next = start;
  try {
    while (next < end || ahead.length > 0) {
      for (; next < end && ahead.length < OUTSTANDING; next += BLOCK_BYTES) {
        const bytes = Math.min(BLOCK_BYTES, end - next);
        const memory = free.pop() ?? Buffer.allocUnsafeSlow(Math.min(BLOCK_BYTES, end - start));
        const content = readBlock(memory, next, bytes);
        content.catch(() => undefined); // awaited below, in order
        ahead.push({ memory, content });
      }
      const block = ahead.shift();
      if (!block) return;
      const content = await block.content;
      if (content.length > 0) yield content;
      free.push(block.memory);
    }
  } finally {
    await Promise.allSettled(ahead.map(({ content }) => content));
  }
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

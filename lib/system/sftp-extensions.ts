import type { SFTPWrapper } from 'ssh2';
import { CoffreError } from '../model/error.ts';
import type { Ask } from './sftp-requests.ts';

/* OpenSSH's extensions of SFTP version 3. A server may lack each of them, or have it and deny it. */

const PERMISSION_DENIED = 3;
const FAILURE = 4;
const UNSUPPORTED = 8;

interface FileSystem {
  readonly f_frsize: number;
  readonly f_bavail: number;
}

/** fsync. False where the server cannot or may not: what was written is there, and a power cut may take it again. */
export async function flush(raw: SFTPWrapper, handle: Buffer, path: string, ask: Ask): Promise<boolean> {
  return await unlessLacking(
    ask<void>(`flush ${path}`, (done) => extension(done, () => raw.ext_openssh_fsync(handle, (e) => done(e))), 'slow'),
  ).then((flushed) => flushed !== LACKING);
}

/** What is left for the account where `path` is, by statvfs; undefined where the server does not tell. */
export async function freeBytes(raw: SFTPWrapper, path: string, ask: Ask): Promise<number | undefined> {
  const asked = ask<FileSystem>(`ask for the free space of ${path}`, (done) =>
    extension(done, () => raw.ext_openssh_statvfs(path, done as never)),
  );
  const told = await unlessLacking(asked).catch((error: unknown) => {
    if (statusOf(error) === FAILURE) return LACKING as typeof LACKING; // a file system that has no such figures
    throw error;
  });
  return told === LACKING ? undefined : told.f_frsize * told.f_bavail;
}

/** A rename that replaces what is there. Throws what the server says, `lacking` where it has no such thing. */
export async function renameOver(raw: SFTPWrapper, from: string, to: string, ask: Ask): Promise<'done' | 'lacking'> {
  const renamed = await unlessLacking(
    ask<void>(`rename ${from}`, (done) => extension(done, () => raw.ext_openssh_rename(from, to, (e) => done(e)))),
  );
  return renamed === LACKING ? 'lacking' : 'done';
}

/** The SFTP status with which a server has refused; undefined for what is no refusal. */
export function statusOf(error: unknown): number | undefined {
  const code = error instanceof CoffreError ? (error.cause as { code?: unknown } | undefined)?.code : undefined;
  return typeof code === 'number' ? code : undefined;
}

/** Whether the server does not do such a thing at all, whatever it is asked to do it with. */
export function isDenied(error: unknown): boolean {
  return [PERMISSION_DENIED, UNSUPPORTED].includes(statusOf(error) ?? -1);
}

/** What a server answers that does not do such a thing. */
const LACKING = 'lacking';

async function unlessLacking<T>(asked: Promise<T>): Promise<T | typeof LACKING> {
  return asked.catch((error: unknown) => {
    if (isDenied(error)) return LACKING;
    throw error;
  });
}

/** ssh2 throws at once for an extension that the server does not announce. */
function extension(done: (error: Error | null | undefined, value: never) => void, send: () => void): void {
  try {
    send();
  } catch (cause) {
    done(Object.assign(new Error('not announced', { cause }), { code: UNSUPPORTED }), undefined as never);
  }
}

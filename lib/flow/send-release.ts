import { FREE_SPACE_SCRIPT, UNPACK_SCRIPT } from '../host/probe.ts';
import { UPLOAD_FOLDER_SCRIPT, UPLOADS } from '../host/uploads.ts';
import { CoffreError, type ErrorCode } from '../model/error.ts';
import type { Emit } from '../model/event.ts';
import type { Bytes } from '../model/stages.ts';
import { readStream } from '../system/files.ts';
import type { SshConnection } from '../system/ssh.ts';

/** A release as it is sent: one file, and what proves that it arrived. */
export interface ReleaseFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  /** By which an installed release is known to be this one. */
  readonly identity: string;
}

const SHORT_MS = 60_000;
const UNPACK_MS = 10 * 60_000;

/** What a host is called, and who hears how it goes. */
interface Receiver {
  readonly name: string;
  readonly emit: Emit;
  readonly signal: AbortSignal;
  /** Told of each folder before anything is in it: whoever sends MUST remove them. */
  readonly made: (folder: string) => void;
}

/**
 * Sends the release into a private folder of its own. Returns the folder of the release in it. Throws `no-space`,
 * `write-failed`, `verification-failed` when something else arrives, or what the broken connection says.
 */
export async function sendRelease(
  connection: SshConnection,
  release: ReleaseFile,
  { name, emit, signal, made: tell }: Receiver,
): Promise<string> {
  const made = await script(connection, UPLOAD_FOLDER_SCRIPT, [], SHORT_MS);
  const folder = made.stdout.trim().split('\n').at(-1) ?? ''; // a login shell may talk first
  if (made.exitCode !== 0 || !folder.startsWith(UPLOADS)) {
    throw new CoffreError('write-failed', `cannot send the agent to ${name}: no folder can be made in /var/tmp`, {
      hint: 'look there at: df -h /var/tmp; ls -ld /var/tmp',
    });
  }
  tell(folder);
  emit({ kind: 'phase-started', phase: 'send', subject: name });
  const from = performance.now();
  const sftp = await connection.sftp();
  try {
    await sftp.upload(`${folder}/release.tar.gz`, until(signal, readStream(release.path)));
  } catch (error) {
    if (signal.aborted) throw error;
    throw await whyNotSent(connection, { release, folder, name }, error);
  }
  sftp.close();
  const unpacked = await script(connection, UNPACK_SCRIPT, [folder, release.sha256], UNPACK_MS);
  if (unpacked.exitCode !== 0) throw cannotUnpack(name, unpacked.exitCode, unpacked.stderr);
  emit({ kind: 'phase-ended', phase: 'send', subject: name, durationMs: Math.round(performance.now() - from) });
  return `${folder}/release`;
}

async function* until(signal: AbortSignal, source: Bytes): Bytes {
  for await (const chunk of source) {
    signal.throwIfAborted();
    yield chunk;
  }
}

/** SFTP has no word for a full disk: what is free without the part that arrived says it. */
async function whyNotSent(
  connection: SshConnection,
  { release, folder, name }: { readonly release: ReleaseFile; readonly folder: string; readonly name: string },
  error: unknown,
): Promise<unknown> {
  const free = await script(connection, FREE_SPACE_SCRIPT, [folder], SHORT_MS).catch(() => undefined);
  const freeBytes = Number(/^\d+$/m.exec(free?.stdout ?? '')?.[0] ?? Number.POSITIVE_INFINITY) * 1024;
  if (freeBytes >= release.sizeBytes) return error;
  return new CoffreError('no-space', `cannot send the agent to ${name}: there is no space left in ${folder}`, {
    hint: 'look there at: df -h /var/tmp',
    cause: error,
  });
}

function cannotUnpack(name: string, exitCode: number | null, stderr: string): CoffreError {
  const say = (code: ErrorCode, why: string, hint: string) =>
    new CoffreError(code, `cannot unpack the agent on ${name}: ${why}`, { hint });
  if (exitCode === null) return say('host-unreachable', 'the connection broke', 'run it again');
  if (exitCode === 65) return say('verification-failed', 'another digest arrived than was sent', 'run it again');
  if (/No space left|Disk quota/i.test(stderr))
    return say('no-space', 'there is no space left', 'look there at: df -h /var/tmp');
  return say(
    'write-failed',
    `it ended with ${exitCode}`,
    'look there at: df -h /var/tmp; ls -ld /var/tmp; tar --version',
  );
}

function script(connection: SshConnection, text: string, args: readonly string[], timeoutMs: number) {
  return connection.run(['sh', '-s', '--', ...args], { input: text, timeoutMs });
}

import { timingSafeEqual } from 'node:crypto';
import type { Readable, Writable } from 'node:stream';
import {
  type AuthHandlerMiddleware,
  Client,
  type ConnectConfig,
  type ServerHostKeyAlgorithm,
  type SFTPWrapper,
} from 'ssh2';
import type { ErrorCode } from '../model/error.ts';
import { type Ended, quotePosix } from './command.ts';
import { connectGathered } from './gathered-socket.ts';
import { learnSecret } from './known-secrets.ts';
import { type Sftp, wrapSftp } from './sftp.ts';
import { strongAlgorithms } from './ssh-algorithms.ts';
import { sshFailure } from './ssh-failure.ts';
import { probeOver, type SshProbe } from './ssh-probe.ts';

/** Whom to reach, as whom, and which host key must answer. */
export interface SshTarget {
  readonly address: string;
  readonly port: number;
  readonly user: string;
  /** The pinned host key as known_hosts has it: type and base64. No other key is ever accepted. */
  readonly hostKey: string;
  /** Private key in PEM or OpenSSH's own form, or the socket of an operator's SSH agent. Never a password. */
  readonly identity: Buffer | string | { readonly agentSocket: string };
  readonly passphrase?: string;
  /** The code of the error when this target does not answer. */
  readonly unreachable: ErrorCode;
  readonly signal?: AbortSignal;
  /** For TCP, key exchange and authentication together. */
  readonly readyTimeoutMs?: number;
  /** A connection that has been silent for so long is dead, also one that answers no request of SFTP. */
  readonly silenceMs?: number;
}

/** A program that runs over there. `stdout` MUST be read, or `ended` never settles. */
export interface RemoteRunning {
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** `exitCode` is null when the program was killed or the connection broke: both are failures. */
  readonly ended: Promise<Omit<Ended, 'stdout'>>;
}

/** Whoever connects MUST close, in a `finally`. After a break every call fails; none hangs. */
export interface SshConnection {
  /** Starts a command; each word reaches the remote shell quoted. */
  start(words: readonly string[]): Promise<RemoteRunning>;
  /** Runs a small command to its end. */
  run(words: readonly string[], options?: { readonly input?: string; readonly timeoutMs?: number }): Promise<Ended>;
  /** A session of the SFTP subsystem. */
  sftp(): Promise<Sftp>;
  /** Questions about what this login may do that it should not be able to do. */
  probe(): SshProbe;
  /** Whether it is gone, or goes within so many milliseconds: what is under way fails a little before that is known. */
  isGone(withinMs: number): Promise<boolean>;
  close(): void;
}

const SILENCE_MS = 60_000;
/** Questions that may stay without an answer. */
const KEEPALIVES = 3;
const STDERR_LIMIT = 64 * 1024;

/**
 * Connects over SSH to a server that shows the pinned host key. Throws `host-key` when it shows another one,
 * `interrupted` when the signal fires, and the target's own `unreachable` code for everything else.
 */
export async function connectSsh(target: SshTarget): Promise<SshConnection> {
  const { identity, passphrase } = target;
  if (typeof identity === 'string' || Buffer.isBuffer(identity)) learnSecret(identity);
  if (passphrase !== undefined) learnSecret(passphrase);
  const client = new Client();
  let broken: unknown;
  let gone = false;
  const lose = (error: unknown) => {
    broken ??= error;
    client.destroy();
  };
  client.on('error', lose).once('close', () => {
    gone = true;
  });
  const abort = () => client.destroy();
  target.signal?.addEventListener('abort', abort, { once: true });
  const forget = () => target.signal?.removeEventListener('abort', abort);
  const verdict = { wrongKey: false };
  let sock: ReturnType<typeof connectGathered> | undefined;
  const failed = (error: unknown) => sshFailure(target, broken ?? error, verdict.wrongKey);
  try {
    if (target.signal?.aborted) throw new Error('aborted');
    await new Promise<void>((resolve, reject) => {
      client.once('ready', resolve).once('error', reject);
      client.once('close', () => reject(new Error('the connection was closed')));
      sock = connectGathered(target.port, target.address);
      client.connect({ ...configuration(target, verdict), sock });
    });
  } catch (error) {
    client.destroy();
    sock?.destroy(); // which the client has not got yet when it cannot read the identity
    forget();
    throw failed(error);
  }
  client.setNoDelay(true); // with Nagle's algorithm SFTP writes at 1 to 2 MB/s

  const start = (words: readonly string[]) =>
    new Promise<RemoteRunning>((resolve, reject) => {
      attempt(reject, failed, () =>
        client.exec(words.map(quotePosix).join(' '), (error, stream) => {
          if (error) return reject(failed(error));
          let stderr = '';
          let exitCode: number | null = null;
          stream.stderr.setEncoding('utf8').on('data', (text: string) => {
            if (stderr.length < STDERR_LIMIT) stderr += text;
          });
          stream
            .on('error', () => undefined)
            .on('exit', (code: number | null) => {
              exitCode = code;
            });
          const ended = new Promise<Omit<Ended, 'stdout'>>((settle) => {
            const finish = () => {
              client.removeListener('close', finish);
              settle({ exitCode, stderr });
            };
            stream.once('close', finish);
            client.once('close', finish);
          });
          resolve({ stdin: stream, stdout: stream, ended });
        }),
      );
    });

  return {
    start,
    async run(words, { input = '', timeoutMs } = {}) {
      const running = await start(words);
      let stdout = '';
      running.stdout.setEncoding('utf8').on('data', (text: string) => {
        stdout += text;
      });
      running.stdin.end(input);
      const stop = timeoutMs === undefined ? undefined : setTimeout(() => running.stdout.destroy(), timeoutMs);
      const ended = await running.ended;
      clearTimeout(stop);
      return { ...ended, stdout };
    },
    sftp: () =>
      new Promise((resolve, reject) => {
        attempt(reject, failed, () =>
          client.sftp((error: Error | undefined, raw: SFTPWrapper) => {
            if (error) return reject(failed(error));
            const onGone = (react: () => void) => {
              client.once('close', react);
              raw.once('close', react);
            };
            resolve(wrapSftp(raw, { failed, onGone, lose, silenceMs: target.silenceMs ?? SILENCE_MS }));
          }),
        );
      }),
    probe: () => probeOver(client, failed),
    isGone: (withinMs) =>
      new Promise((resolve) => {
        if (gone) return resolve(true);
        const settle = () => {
          clearTimeout(late);
          client.removeListener('close', settle);
          resolve(gone);
        };
        const late = setTimeout(settle, withinMs);
        client.once('close', settle);
      }),
    close() {
      forget();
      client.end();
      client.destroy();
    },
  };
}

/**
 * How a server with the pinned host key wants `target` to log in: the methods that it names to somebody who has shown
 * nothing yet, in its order. Neither a key nor a password is sent. Empty when it lets everybody in. Throws as
 * `connectSsh` does.
 */
export async function askLoginMethods(target: SshTarget): Promise<readonly string[]> {
  const client = new Client();
  const verdict = { wrongKey: false };
  const abort = () => client.destroy();
  target.signal?.addEventListener('abort', abort, { once: true });
  try {
    if (target.signal?.aborted) throw new Error('aborted');
    return await new Promise<readonly string[]>((resolve, reject) => {
      client.once('ready', () => resolve([])).on('error', reject);
      client.once('close', () => reject(new Error('the connection was closed')));
      const authHandler: AuthHandlerMiddleware = (methods: readonly string[] | null | undefined, _partial, next) => {
        if (!methods) return next('none');
        resolve(methods);
      };
      client.connect({ ...configuration(target, verdict), authHandler });
    });
  } catch (error) {
    throw sshFailure(target, error, verdict.wrongKey);
  } finally {
    target.signal?.removeEventListener('abort', abort);
    client.destroy();
  }
}

function configuration(target: SshTarget, verdict: { wrongKey: boolean }): ConnectConfig {
  const [type = '', base64 = ''] = target.hostKey.split(' ');
  const pinned = Buffer.from(base64, 'base64');
  return {
    host: target.address,
    port: target.port,
    username: target.user,
    ...authentication(target.identity),
    ...(target.passphrase === undefined ? {} : { passphrase: target.passphrase }),
    // Not async: a promise would be taken for "yes", whatever it resolves to.
    hostVerifier: (shown: Buffer): boolean => {
      const same = shown.length === pinned.length && timingSafeEqual(shown, pinned);
      verdict.wrongKey = !same;
      return same;
    },
    algorithms: {
      serverHostKey: (type === 'ssh-rsa' ? ['rsa-sha2-512', 'rsa-sha2-256'] : [type]) as ServerHostKeyAlgorithm[],
      ...strongAlgorithms(),
    },
    readyTimeout: target.readyTimeoutMs ?? 20_000,
    keepaliveInterval: (target.silenceMs ?? SILENCE_MS) / (KEEPALIVES + 1),
    keepaliveCountMax: KEEPALIVES,
  };
}

function authentication(identity: SshTarget['identity']): ConnectConfig {
  if (typeof identity === 'object' && 'agentSocket' in identity) {
    return { agent: identity.agentSocket, authHandler: ['agent'] };
  }
  return { privateKey: identity, authHandler: ['publickey'] };
}

/** ssh2 throws at once, instead of calling back, when the connection is gone. */
function attempt(reject: (error: unknown) => void, failed: (error: unknown) => Error, act: () => void): void {
  try {
    act();
  } catch (error) {
    reject(failed(error));
  }
}

import {
  type HostFacts,
  PROBE_SCRIPT,
  parseProbe,
  UNPACK_SCRIPT,
  UPLOAD_FOLDER_SCRIPT,
  UPLOADS,
} from '../host/probe.ts';
import { Converged, type ConvergeOrder } from '../model/converge-order.ts';
import { CoffreError, type ErrorCode } from '../model/error.ts';
import type { Emit } from '../model/event.ts';
import type { HostConfig } from '../model/inventory.ts';
import type { Bytes } from '../model/stages.ts';
import { readStream } from '../system/files.ts';
import { connectSsh, type SshConnection } from '../system/ssh.ts';
import { hearAgent } from './hear-agent.ts';
import type { Login } from './login.ts';

/** A release as it is sent: one file, and what proves that it arrived. */
export interface ReleaseFile {
  readonly path: string;
  readonly sha256: string;
  /** By which an installed release is known to be this one. */
  readonly identity: string;
}

/** A host that control has logged in to. Whoever opens MUST close. */
export interface RemoteHost {
  readonly facts: HostFacts;
  /** Has the agent carry out the order: the installed one where it is `release`, else one that is sent for this. */
  converge(order: ConvergeOrder, release: ReleaseFile, emit: Emit): Promise<Converged>;
  close(): Promise<void>;
}

const SHORT_MS = 60_000;
const UNPACK_MS = 10 * 60_000;
/** How long an interrupted host may take to come to the end of what it is at, and to take its upload away. */
const GRACE_MS = 10_000;

/**
 * Logs in and looks around. When `signal` fires, the agent stops after the step that it is at, and its upload is taken
 * away; a host that takes too long over that is left. Throws `host-unreachable`, `host-key`, or `refused` where the login
 * may not do the work.
 */
export async function openRemoteHost(host: HostConfig, login: Login, signal: AbortSignal): Promise<RemoteHost> {
  const { ssh } = host;
  if (!ssh) {
    throw new CoffreError('inventory', `cannot reach ${host.name}: the inventory does not say how`, {
      hint: `add ssh: { address, user, hostKey } to hosts/${host.name}.yaml`,
    });
  }
  const identity = await login(ssh);
  const patience = patientSignal(signal);
  const target = { ...ssh, identity, unreachable: 'host-unreachable', signal: patience.signal } as const;
  const connection = await connectSsh(target).catch((error: unknown) => {
    patience.end();
    throw error;
  });
  patience.begin();
  const uploads: string[] = [];
  const sent = new Map<string, Promise<string>>();
  try {
    const facts = await probe(connection, host);
    signal.throwIfAborted();
    return {
      facts,
      async converge(order, release, emit) {
        const installed = facts.release === release.identity;
        const once = () => {
          const sending = sent.get(release.identity) ?? send(connection, release, uploads, emit, host, signal);
          sent.set(release.identity, sending);
          return sending;
        };
        const folder = installed ? `${host.agent.path}/current` : await once();
        signal.throwIfAborted();
        const words = [...prefix(facts), `${folder}/coffre`, 'converge', '--json', '--attended'];
        return await runAgent(connection, words, order, emit, signal);
      },
      async close() {
        try {
          for (const folder of uploads)
            await connection.run([...prefix(facts), 'rm', '-rf', '--', folder], { timeoutMs: SHORT_MS });
        } catch {
          // the connection is gone: the next upload to this host removes what is left there
        } finally {
          connection.close();
          patience.end();
        }
      },
    };
  } catch (error) {
    connection.close();
    patience.end();
    throw error;
  }
}

/** Fires with `signal` until its patience begins, and from then on `GRACE_MS` later. */
function patientSignal(signal: AbortSignal): { readonly signal: AbortSignal; begin(): void; end(): void } {
  const patient = new AbortController();
  let graceMs = 0;
  let timer: NodeJS.Timeout | undefined;
  const abort = () => patient.abort(signal.reason);
  const wait = () => {
    if (graceMs === 0) abort();
    else timer = setTimeout(abort, graceMs);
  };
  if (signal.aborted) abort();
  signal.addEventListener('abort', wait, { once: true });
  return {
    signal: patient.signal,
    begin() {
      graceMs = GRACE_MS;
    },
    end() {
      clearTimeout(timer);
      signal.removeEventListener('abort', wait);
    },
  };
}

async function probe(connection: SshConnection, host: HostConfig): Promise<HostFacts> {
  const { exitCode, stdout } = await script(connection, PROBE_SCRIPT, [host.agent.path], SHORT_MS);
  if (exitCode === null) {
    throw new CoffreError(
      'host-unreachable',
      `cannot look at ${host.name}: the connection broke, or nothing came for a minute`,
      {
        hint: 'look at the load of the host and at the network, then run it again',
      },
    );
  }
  const facts = parseProbe(stdout);
  if (facts.access !== 'none') return facts;
  throw new CoffreError(
    'refused',
    `cannot change ${host.name}: ${facts.user} is not root, and sudo asks for a password`,
    {
      hint: `let it: echo '${facts.user} ALL=(root) NOPASSWD: ALL' > /etc/sudoers.d/coffre; or set ssh.user to root`,
    },
  );
}

function prefix({ access }: HostFacts): string[] {
  return access === 'sudo' ? ['sudo', '-n', '--'] : [];
}

function script(connection: SshConnection, text: string, args: readonly string[], timeoutMs: number) {
  return connection.run(['sh', '-s', '--', ...args], { input: text, timeoutMs });
}

/** Sends the release into a private folder that goes again with the connection. Returns the folder of the release. */
async function send(
  connection: SshConnection,
  release: ReleaseFile,
  uploads: string[],
  emit: Emit,
  { name }: HostConfig,
  signal: AbortSignal,
): Promise<string> {
  const made = await script(connection, UPLOAD_FOLDER_SCRIPT, [], SHORT_MS);
  const folder = made.stdout.trim().split('\n').at(-1) ?? ''; // a login shell may talk first
  if (made.exitCode !== 0 || !folder.startsWith(UPLOADS)) {
    throw new CoffreError('write-failed', `cannot send the agent to ${name}: no folder can be made in /var/tmp`, {
      hint: 'look there at: df -h /var/tmp; ls -ld /var/tmp',
    });
  }
  uploads.push(folder);
  emit({ kind: 'phase-started', phase: 'send', subject: name });
  const from = performance.now();
  const sftp = await connection.sftp();
  await sftp.upload(`${folder}/release.tar.gz`, until(signal, readStream(release.path)));
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

async function runAgent(
  connection: SshConnection,
  words: readonly string[],
  order: ConvergeOrder,
  emit: Emit,
  signal: AbortSignal,
): Promise<Converged> {
  const running = await connection.start(words);
  running.stdin.write(`${JSON.stringify(order)}\n`);
  // It stays open for as long as somebody waits for the answer: by its end the agent knows that nobody does any more.
  const leave = () => running.stdin.end();
  signal.addEventListener('abort', leave, { once: true });
  const converged = await hearAgent(running.stdout, Converged, emit, leave);
  const { exitCode, stderr } = await running.ended;
  signal.removeEventListener('abort', leave);
  const { name } = order.slice.host;
  if (converged) return converged;
  if (exitCode === null) {
    throw new CoffreError(
      'host-unreachable',
      `cannot tell what became of ${name}: the connection broke while its agent was at work`,
      {
        hint: 'run it again: what was begun is finished, and what was done is not done again',
      },
    );
  }
  throw new CoffreError(
    'unexpected',
    `cannot run the agent on ${name}: it ended with ${exitCode}: ${stderr.trim().split('\n').at(-1)}`,
    {
      hint: `try it there: ${words.join(' ').replace(/ converge .*/, ' --help')}`,
    },
  );
}

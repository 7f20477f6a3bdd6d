import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CoffreError, type ErrorCode } from '../model/error.ts';
import { parseGitRemote } from '../model/git-remote.ts';
import { type Ended, quotePosix, type Running, run, start } from './command.ts';
import { type HttpsAccess, redactCredential, withCredential } from './git-credential.ts';
import { asksRemote, SILENCE_MS, withoutProgress, withProgress } from './git-progress.ts';
import { publicText } from './known-secrets.ts';
import { withPassingFolder } from './passing-folder.ts';
import { requireProgram } from './programs.ts';

/** How git reaches a remote over SSH. */
export interface SshAccess {
  /** Path of the private key; the own keys of the user if absent. */
  readonly identity?: string | undefined;
  /** The key that the server must show, type and key; the known_hosts of the user decide if absent. */
  readonly hostKey?: string | undefined;
}

export interface GitOptions {
  readonly cwd?: string;
  readonly input?: string | Buffer;
  readonly env?: Readonly<Record<string, string>>;
  readonly ssh?: SshAccess;
  readonly https?: HttpsAccess;
  /** After this the command counts as unanswered; ten minutes if absent. */
  readonly timeoutMs?: number;
  /** A remote that is silent for so long counts as unanswered; `SILENCE_MS` if absent. */
  readonly silenceMs?: number;
  readonly signal?: AbortSignal;
}

const TIMEOUT_MS = 600_000;
const TIMED_OUT = 124;
const KILLED = 137;
const HOST_ALIAS = 'coffre-audit';

/*
 * Nothing that a machine, a user or a repository configures may change what a command does: no hooks, no file
 * system monitor, no signing, no line-end conversion, no templates, no clean-up in the background, and only the
 * transports that are named. The settings of the machine and the user are not read at all. A commit graph is a cache of what
 * commits say of their parents, and git believes one that is wrong.
 */
const SETTINGS = [
  'safe.directory=*',
  'core.hooksPath=/dev/null',
  'core.fsmonitor=false',
  'core.autocrlf=false',
  'core.attributesFile=/dev/null',
  'core.pager=cat',
  'core.commitGraph=false',
  'advice.graftFileDeprecated=false',
  'commit.gpgSign=false',
  'push.gpgSign=false',
  'init.templateDir=',
  'init.defaultBranch=main',
  'submodule.recurse=false',
  'gc.auto=0',
  'maintenance.auto=false',
  'http.lowSpeedLimit=1',
  'http.lowSpeedTime=60',
  'protocol.allow=never',
  'protocol.file.allow=always',
  'protocol.ssh.allow=always',
  'protocol.https.allow=always',
].flatMap((setting) => ['-c', setting]);

/** Runs git to its end and returns its standard output. Throws what `gitFailure` makes of any other end than exit 0. */
export async function runGit(args: readonly string[], options: GitOptions = {}): Promise<string> {
  const ended = await tryGit(args, options);
  if (ended.exitCode !== 0) throw gitFailure(args, ended, options);
  return ended.stdout;
}

/** As `runGit`, for callers to whom other exit codes are answers. */
export async function tryGit(args: readonly string[], options: GitOptions = {}): Promise<Ended> {
  const { ssh, https, env, timeoutMs = TIMEOUT_MS, silenceMs = SILENCE_MS, ...rest } = options;
  assertNoPassword(args);
  // git's helpers outlive it, and hold its output open: timeout(1) ends the whole group of processes.
  const patience = ['--kill-after=5', String(timeoutMs / 1000), requireProgram('git')];
  return withSshCommand(ssh, (command) =>
    withCredential(https, async ({ settings, ...given }) => {
      const ended = await run(
        requireProgram('timeout'),
        [...patience, ...SETTINGS, ...settings, ...withProgress(args)],
        {
          ...rest,
          ...(asksRemote(args) ? { silenceMs } : {}),
          ...given,
          env: { ...environment(options.cwd), GIT_SSH_COMMAND: command, ...env },
        },
      );
      const isUnanswered = ended.wasSilent || ended.exitCode === TIMED_OUT || ended.exitCode === KILLED;
      const [stdout, stderr] = [ended.stdout, withoutProgress(ended.stderr)].map((text) =>
        redactCredential(text, https),
      );
      return { ...ended, stdout: stdout ?? '', stderr: stderr ?? '', ...(isUnanswered ? { exitCode: null } : {}) };
    }),
  );
}

/** Anybody on this machine can read the arguments of a program, and git itself passes an address on to others. */
function assertNoPassword(args: readonly string[]): void {
  if (!args.some((word) => word.includes('://') && parseGitRemote(word).hasPassword)) return;
  throw new CoffreError('refused', 'cannot use this address of a repository: a password or a token stands in it', {
    hint: 'take it out of the address, and replace it: others may have read it. Reach the remote by SSH with a key',
  });
}

/** Starts a git command for bulk data: no remote, no timeout. */
export function startGit(args: readonly string[], cwd: string): Running {
  return start(requireProgram('git'), [...SETTINGS, ...args], { cwd, env: environment(cwd) });
}

/** The failure of a git command. Foreign messages are recognised here and nowhere else. */
export function gitFailure(args: readonly string[], ended: Ended, options: GitOptions = {}): CoffreError {
  const verb = args.find((word) => !word.startsWith('-')) ?? 'run';
  const failed = (code: ErrorCode, cause: string, hint: string) =>
    new CoffreError(code, `cannot ${verb} with git: ${cause}`, { hint });
  const { stderr } = ended;
  if (ended.exitCode === null) {
    const limitMs = ended.wasSilent ? (options.silenceMs ?? SILENCE_MS) : (options.timeoutMs ?? TIMEOUT_MS);
    return failed('audit-unreachable', `no answer within ${limitMs / 1000} s`, SILENT_HINT);
  }
  const found = FAILURES.find(({ pattern }) => pattern.test(stderr));
  const cause = lastLine(stderr) ?? `exit code ${ended.exitCode}`;
  if (found) return failed(found.code, found.cause ?? cause, (options.https && found.httpsHint) ?? found.hint);
  return failed('unexpected', cause, `look at: ${options.cwd ?? 'the repository'}, with git fsck`);
}

const SILENT_HINT =
  'look whether the server of the remote is well, and what stands between; try by hand: git ls-remote <remote>';
const TOKEN_HINT =
  'put a token that may write to the repository into the .env file, mode 0600: COFFRE_GIT_TOKEN=…; and see audit.user';

/** First match counts. `cause` absent: git's own last line is the cause. */
const FAILURES: readonly {
  readonly pattern: RegExp;
  readonly code: ErrorCode;
  readonly cause?: string;
  readonly hint: string;
  /** In its place where the remote is reached over HTTPS. */
  readonly httpsHint?: string;
}[] = [
  {
    pattern: /host key verification failed|REMOTE HOST IDENTIFICATION HAS CHANGED|no .* host key is known/i,
    code: 'host-key',
    cause: 'the server does not show the pinned SSH host key',
    hint: 'compare audit.hostKey in the inventory with: ssh-keyscan <server>',
  },
  {
    pattern: /transport '.*' not allowed/i,
    code: 'refused',
    hint: 'reach the remote by ssh://, https:// or an absolute path',
  },
  {
    pattern: /permission denied \(|authentication failed|could not read (username|password)|terminal prompts disabled/i,
    code: 'audit-unreachable',
    cause: 'the remote does not accept this user',
    hint: 'give the key of audit.identity write access to the repository',
    httpsHint: TOKEN_HINT,
  },
  {
    pattern: /requested URL returned error: 403/i,
    code: 'audit-unreachable',
    cause: 'the remote lets this user do less than this',
    hint: TOKEN_HINT,
  },
  {
    pattern: /certificate (verify|verification) failed|SSL certificate problem|no alternative certificate subject/i,
    code: 'audit-unreachable',
    hint: 'name the authority of its certificate, if it is your own: audit.ca in the inventory',
  },
  {
    pattern: /no space left on device|disk quota exceeded/i,
    code: 'no-space',
    cause: 'there is no space left',
    hint: 'free space: df -h',
  },
  {
    pattern:
      /object file .* is empty|loose object|bad object|corrupt|not a git repository: |unable to read (sha1|tree)|index file|invalid sha1 pointer/i,
    code: 'unexpected',
    hint: 'look at the repository with: git fsck',
  },
  {
    pattern:
      /could not read from remote|does not appear to be a git repository|could not resolve|couldn't connect|failed to connect|connection (refused|timed out|reset|closed)|unable to access|repository .* not found|the remote end hung up|early eof|no route to host|network is unreachable|RPC failed|failed to push|\[remote rejected\]/i,
    code: 'audit-unreachable',
    hint: 'try by hand: git ls-remote <remote>',
  },
];

function lastLine(stderr: string): string | undefined {
  const lines = publicText(stderr)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('hint:'));
  const telling = lines.find((line) => line.startsWith('ssh: ')) ?? lines.find(isVerdict) ?? lines.at(-1);
  return telling?.replace(/^(fatal|error): /, '').slice(0, 300);
}

function isVerdict(line: string): boolean {
  return /^(fatal|error|remote|ERROR|!)/.test(line);
}

function environment(cwd: string | undefined): Record<string, string> {
  return {
    LC_ALL: 'C',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ASKPASS: '/bin/false',
    SSH_ASKPASS: '/bin/false',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_ATTR_NOSYSTEM: '1',
    // Nor does a file of a clone say that a commit has other parents, or other contents, than it has: it would hide history.
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_GRAFT_FILE: '/dev/null',
    GIT_NO_LAZY_FETCH: '1',
    GIT_OPTIONAL_LOCKS: '0',
    // Settles that a folder is a repository itself, and not just somewhere inside of one.
    ...(cwd === undefined ? {} : { GIT_CEILING_DIRECTORIES: join(cwd, '..') }),
  };
}

/** Hands `act` the ssh command to use; a pinned host key stands in a private file that is gone afterwards. */
async function withSshCommand<T>(ssh: SshAccess | undefined, act: (command: string) => Promise<T>): Promise<T> {
  const words = ['ssh', '-o', 'BatchMode=yes', '-o', 'StrictHostKeyChecking=yes', '-o', 'ConnectTimeout=15'];
  words.push('-o', 'ServerAliveInterval=15', '-o', 'ServerAliveCountMax=3', '-o', 'ControlPath=none');
  if (ssh?.identity !== undefined) words.push('-o', 'IdentitiesOnly=yes', '-i', ssh.identity);
  if (ssh?.hostKey === undefined) return act(words.map(quotePosix).join(' '));
  return await withPassingFolder('git', async (folder) => {
    const knownHosts = join(folder, 'known_hosts');
    await writeFile(knownHosts, `${HOST_ALIAS} ${ssh.hostKey}\n`, { mode: 0o600 });
    words.push('-o', `HostKeyAlias=${HOST_ALIAS}`, '-o', `UserKnownHostsFile="${knownHosts}"`);
    words.push('-o', 'GlobalKnownHostsFile=/dev/null', '-o', 'UpdateHostKeys=no');
    return await act(words.map(quotePosix).join(' '));
  });
}

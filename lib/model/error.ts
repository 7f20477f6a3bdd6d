/**
 * The one table of errors: code → exit code, whether a later try can succeed by itself, and the sentence that
 * may be published. Messages and hints stay on the host; only code and summary ever reach a manifest.
 */
export const ERRORS = {
  unexpected: { exit: 1, retryable: false, summary: 'an unexpected failure' },
  usage: { exit: 2, retryable: false, summary: 'the command line is wrong' },
  inventory: { exit: 2, retryable: false, summary: 'the inventory is wrong' },
  'program-missing': { exit: 2, retryable: false, summary: 'a program is missing on the host' },
  'not-found': { exit: 2, retryable: false, summary: 'what was asked for is not there' },
  owed: { exit: 3, retryable: true, summary: 'the backup is safe, and a copy or the publication is still owed' },
  'dump-failed': { exit: 4, retryable: true, summary: 'a dump did not complete' },
  'schema-changed': { exit: 4, retryable: true, summary: 'a table or another object was changed during the dump' },
  'lock-timeout': { exit: 4, retryable: true, summary: 'another session kept a lock for too long' },
  'dump-incomplete': { exit: 4, retryable: false, summary: 'a dump holds other objects than the server has' },
  'account-lacks-privilege': { exit: 4, retryable: false, summary: 'the backup account lacks a privilege' },
  'replica-lagging': {
    exit: 4,
    retryable: true,
    summary: 'the replica lags behind its primary by more than the limit',
  },
  'replica-broken': { exit: 4, retryable: false, summary: 'the replica does not follow its primary' },
  'write-failed': { exit: 4, retryable: true, summary: 'a file could not be written' },
  'no-space': { exit: 4, retryable: false, summary: 'there is no space left' },
  'disk-failed': { exit: 4, retryable: true, summary: 'a disk gives input/output errors' },
  'out-of-resources': { exit: 4, retryable: true, summary: 'memory, processes or open files have run out' },
  'program-killed': { exit: 4, retryable: true, summary: 'a program of the host was killed while it was at work' },
  'compressor-failed': { exit: 4, retryable: true, summary: 'the compressor failed' },
  'restore-failed': { exit: 4, retryable: true, summary: 'not everything could be restored' },
  'verification-failed': { exit: 5, retryable: false, summary: 'a digest, a signature or a chain differs' },
  'drill-failed': { exit: 5, retryable: false, summary: 'a drill did not restore what was backed up' },
  'not-compared': {
    exit: 3,
    retryable: false,
    summary: 'all was restored, and another version of the dump program or the server keeps it from being compared',
  },
  locked: { exit: 6, retryable: true, summary: 'another run holds the lock' },
  'host-unreachable': { exit: 7, retryable: true, summary: 'the host cannot be reached' },
  'database-unreachable': { exit: 7, retryable: true, summary: 'the database cannot be reached' },
  'too-many-connections': { exit: 7, retryable: true, summary: 'the database takes no more connections' },
  'store-unreachable': { exit: 7, retryable: true, summary: 'the store cannot be reached' },
  'offsite-unreachable': { exit: 7, retryable: true, summary: 'the offsite cannot be reached' },
  'audit-unreachable': { exit: 7, retryable: true, summary: 'the audit repository cannot be reached' },
  'github-unreachable': { exit: 7, retryable: true, summary: 'GitHub cannot be reached, or does not accept the token' },
  refused: { exit: 8, retryable: false, summary: 'refused for safety' },
  'host-key': { exit: 8, retryable: false, summary: 'the SSH host key is not the pinned one' },
  'private-key': { exit: 8, retryable: false, summary: 'the private key does not open this' },
  interrupted: { exit: 130, retryable: true, summary: 'interrupted' },
} as const;

export type ErrorCode = keyof typeof ERRORS;

interface Details {
  /** What mends it: names a command or a file. */
  readonly hint?: string;
  readonly cause?: unknown;
  /** Everything that a validation found, one sentence each. */
  readonly findings?: readonly string[];
}

/**
 * The only error that this project throws on purpose. `message` reads "cannot VERB SUBJECT: cause" in lower case
 * and MUST NOT hold a secret. Branch on `code`, never on the message.
 */
export class CoffreError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly findings: readonly string[];

  constructor(code: ErrorCode, message: string, details: Details = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'CoffreError';
    this.code = code;
    this.hint = details.hint;
    this.findings = details.findings ?? [];
  }

  get exitCode(): number {
    return ERRORS[this.code].exit;
  }
}

/** What has run out, by the errno that says so wherever it comes from, and what shows it. Source: errno(3), fork(2), open(2). */
const RESOURCES: Readonly<Record<string, readonly [why: string, hint: string]>> = {
  EMFILE: [
    'this process may have no more files open',
    'raise the limit: ulimit -n, for a nightly task nofile in /etc/security/limits.conf or LimitNOFILE of the unit',
  ],
  ENFILE: [
    'this machine may have no more files open',
    'look at: cat /proc/sys/fs/file-nr; raise it: sysctl -w fs.file-max=N',
  ],
  ENOMEM: ['there is no memory left', 'look at: free -m; dmesg | tail; ulimit -v'],
  EAGAIN: ['no more processes may be started', 'look at: ps -e | wc -l; ulimit -u; sysctl kernel.pid_max'],
};

/** "cannot VERB SUBJECT: …" where `errno` says that the host has run out of something, of a file or of a program to be started. */
export function outOfResources(action: string, errno: string | undefined, cause?: unknown): CoffreError | undefined {
  const [why, hint] = RESOURCES[errno ?? ''] ?? [];
  if (why === undefined || hint === undefined) return undefined;
  return new CoffreError('out-of-resources', `cannot ${action}: ${why} (${errno})`, { hint, cause });
}

/** `error` as a CoffreError: itself, what has run out, or wrapped as `unexpected`. */
export function asCoffreError(error: unknown): CoffreError {
  if (error instanceof CoffreError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const ranOut = outOfResources('go on', errnoOf(error), error);
  if (ranOut) return ranOut;
  return new CoffreError('unexpected', message, { cause: error });
}

/** The `code` of a Node system error such as ENOENT; undefined for anything else. */
export function errnoOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : undefined;
}

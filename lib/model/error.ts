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

/** `error` as a CoffreError: itself, or wrapped as `unexpected`. */
export function asCoffreError(error: unknown): CoffreError {
  if (error instanceof CoffreError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new CoffreError('unexpected', message, { cause: error });
}

/** The `code` of a Node system error such as ENOENT; undefined for anything else. */
export function errnoOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : undefined;
}

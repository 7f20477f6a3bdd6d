import { CoffreError, type ErrorCode } from '../model/error.ts';
import type { Ended } from './command.ts';
import { lastWords } from './last-words.ts';

/** Of rclone(1), "Exit Code". */
const NO_FOLDER = 3;
const NO_FILE = 4;

/** What was asked, and of whom, for the sentence and its hint. */
export interface Asked {
  /** As in "cannot …". */
  readonly what: string;
  /** The configuration file. */
  readonly config: string;
}

interface Reason {
  readonly says: RegExp;
  readonly code: ErrorCode;
  readonly why: string;
  readonly hint: (config: string) => string;
}

/** What rclone and the programs behind its remotes say, in the order in which it is looked for. */
const REASONS: readonly Reason[] = [
  {
    says: /didn't find section in config file/,
    code: 'inventory',
    why: 'the configuration of rclone has no such remote',
    hint: (config) => `see what it has: rclone --config ${config} listremotes; or mend remote in inventory/hosts`,
  },
  {
    says: /decrypt configuration|configuration (?:file )?is encrypted|password for the configuration|wrong password/i,
    code: 'inventory',
    why: 'its configuration is encrypted, and does not open',
    hint: () => 'name its passphrase by configPassphrase of this offsite, and set it in the .env file of the host',
  },
  {
    says: /Failed to load config file/,
    code: 'inventory',
    why: 'its configuration cannot be read',
    hint: (config) => `see what is wrong: rclone --config ${config} listremotes`,
  },
  {
    says: /knownhosts:|host key mismatch|ssh: host key|key is unknown/i,
    code: 'host-key',
    why: 'the server does not show the host key that known_hosts_file names',
    hint: (config) => `compare by another way than this network; the file is named in ${config}`,
  },
  {
    says: /no space left|insufficient[_ ]?storage|\b507\b|quota|storage limit|insufficient_space|not enough space|over_?quota|disk full/i,
    code: 'no-space',
    why: 'there is no space left, or a quota is full',
    hint: () => 'have room made there, or the quota raised; what is owed is sent by the next run',
  },
  {
    says: /\b401\b|\b403\b|unauthori[sz]ed|AccessDenied|access denied|InvalidAccessKeyId|SignatureDoesNotMatch|unable to authenticate|ssh-agent|\b530\b|login incorrect|invalid_grant|invalid[_ ]credentials|expired[_ ]?(?:access[_ ]?)?token|token expired|AuthenticationFailed/i,
    code: 'offsite-unreachable',
    why: 'it does not accept these credentials',
    hint: (config) =>
      `try it with: rclone --config ${config} lsd <remote>; then mend them: rclone --config ${config} config`,
  },
];

/**
 * How a run of rclone ended, as one of our errors: `not-found` for what is not there, else what it says. The one place that looks at its
 * messages. None of it holds an address with its query, in which signatures stand.
 */
export function rcloneFailure({ what, config }: Asked, ended: Omit<Ended, 'stdout'>): CoffreError {
  const { exitCode, stderr } = ended;
  const said = lastWords(withoutQueries(stderr));
  const say = (code: ErrorCode, why: string, hint: string) => new CoffreError(code, `cannot ${what}: ${why}`, { hint });
  if (exitCode === NO_FOLDER || exitCode === NO_FILE) {
    return say('not-found', `there is no such ${exitCode === NO_FILE ? 'file' : 'folder'}`, LOOK);
  }
  const reason = REASONS.find(({ says }) => says.test(stderr));
  const told = said === undefined ? '' : ` (${plain(said)})`;
  if (reason) return say(reason.code, `${reason.why}${told}`, reason.hint(config));
  const why = said === undefined ? endOf(ended) : plain(said);
  return say('offsite-unreachable', why, `try it with: rclone --config ${config} lsd <remote>`);
}

/** Whether another try may do what this one did not. */
export function isPassing(error: unknown): boolean {
  return error instanceof CoffreError && error.code === 'offsite-unreachable' && !/credentials/.test(error.message);
}

const LOOK = 'look at remote of this offsite in inventory/hosts';

function endOf({ exitCode, signal }: Omit<Ended, 'stdout'>): string {
  return exitCode === null ? `rclone was ended by ${signal ?? 'a signal'}` : `rclone ended with ${exitCode}`;
}

/** Without the time, and without what only says that there was an error. */
function plain(line: string): string {
  return line
    .replace(/^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d (?:[A-Z]+ *: )?/, '')
    .replace(/^Failed to \w+(?: with \d+ errors)?: (?:last error was: )?/, '');
}

function withoutQueries(text: string): string {
  return text.replace(/(\bhttps?:\/\/[^\s"?]*)\?[^\s"]*/gi, '$1?…');
}

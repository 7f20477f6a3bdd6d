import { CoffreError } from '../model/error.ts';
import type { ContractorSide } from '../model/far-end.ts';
import type { HostName } from '../model/names.ts';
import { type Change, diffLines, type Remark, type Resource } from '../model/plan.ts';
import { quotePosix } from '../system/command.ts';
import { lastWords } from '../system/last-words.ts';
import type { SshConnection } from '../system/ssh.ts';
import { CONTRACTOR_SCRIPT } from './contractor-script.ts';
import { ACCOUNT_COMMENT, KEYS_FOLDER, tagOf, USERADD_OPTIONS } from './contractor-side.ts';
import { otherLogins } from './other-logins.ts';

/** An administrator's login at the contractor's server. */
export interface ContractorLogin {
  readonly connection: SshConnection;
  /** Who is logged in: never the account that is set up. */
  readonly admin: string;
}

type Script = (verb: string, args: readonly string[], input?: string) => Promise<string | undefined>;

const STEP_MS = 90_000;
const NOTHING_THERE = 3;
const NO_SHELL = /\/(nologin|false)$/;

/**
 * Everything that the contractor's server has to have for one host, in the order in which it is made: the account has no
 * key before it has its rules. Nothing of others is changed: their lines in the keys, their files, their accounts.
 */
export async function contractorResources(login: ContractorLogin, side: ContractorSide): Promise<readonly Resource[]> {
  const script = await scriptOver(login);
  const [chroots = '', ...below] = side.rootFolders;
  const above = chroots.split('/').slice(1);
  return [
    account(script, login.admin, side.user),
    ...above.map((_, i) => folder(script, `/${above.slice(0, i + 1).join('/')}`, 'above')),
    ...below.map((path) => folder(script, path, 'root')),
    folder(script, side.folder, { user: side.user }),
    folder(script, KEYS_FOLDER, 'root'),
    rules(script, login.admin, side),
    keys(script, side),
  ];
}

/**
 * Who else can log in as the account of `side`. Nobody takes those keys away: they may be somebody's. The lines of `sharers`,
 * hosts of the inventory with the same account, are known.
 */
export async function contractorRemarks(
  login: ContractorLogin,
  { user, keys: { path, tag } }: ContractorSide,
  sharers: readonly HostName[],
): Promise<readonly Remark[]> {
  const file = await readFile(await scriptOver(login), path);
  const known = new Set([tag, ...sharers.map(tagOf)]);
  return otherLogins(file?.content ?? '', known).map(({ fingerprint, comment }) => ({
    text: `another key can log in as ${user}, and do there what the host can: ${fingerprint} (${comment || 'no comment'})`,
    hint: `ask whose it is; to let it out, take its line away in ${path} over there: ssh-keygen -lf ${path}`,
  }));
}

/** The script as root: through sudo for anybody else. Undefined for what is not there. Throws `refused`. */
async function scriptOver({ connection }: ContractorLogin): Promise<Script> {
  const run = (words: readonly string[], input?: string) =>
    connection.run(words, { timeoutMs: STEP_MS, ...(input === undefined ? {} : { input }) });
  const isRoot = (await run(['id', '-u'])).stdout.trim() === '0';
  if (!isRoot && (await run(['sudo', '-n', 'true'])).exitCode !== 0) {
    throw new CoffreError('refused', "cannot set up the contractor's side: the administrator is not root there", {
      hint: 'log in as root, or let this user run anything through sudo without a password: offsite[].admin.user',
    });
  }
  const prefix = isRoot ? [] : ['sudo', '-n'];
  return async (verb, args, input) => {
    const ended = await run([...prefix, 'sh', '-c', CONTRACTOR_SCRIPT, 'coffre', verb, ...args], input);
    if (ended.exitCode === 0) return ended.stdout;
    if (ended.exitCode === NOTHING_THERE) return undefined;
    const why = lastWords(ended.stderr) ?? 'it ended early';
    throw new CoffreError(
      ended.exitCode === null ? 'offsite-unreachable' : 'refused',
      `cannot set up the contractor's side: ${why}`,
      {
        hint: 'nothing half-done counts there; look at: sshd -t, sshd -T, and run it again',
      },
    );
  };
}

function account(script: Script, admin: string, user: string): Resource {
  return {
    kind: 'user',
    name: user,
    async inspect() {
      const [, , uid, , comment = '', home = '', shell = ''] =
        (await script('account', [user]))?.trim().split(':') ?? [];
      if (uid === undefined) {
        return {
          action: 'create',
          kind: 'user',
          name: user,
          lines: diffLines('+', `useradd ${USERADD_OPTIONS.join(' ')}`),
        };
      }
      const refused = (hint: string) =>
        new CoffreError('refused', `cannot set up the account ${user}: it is somebody's, at home in ${home}`, { hint });
      const another = 'name another user for this offsite in inventory/hosts';
      if (uid === '0' || user === admin || !NO_SHELL.test(shell)) throw refused(another);
      // Its owner would be locked out: rules, folder and keys of ours take the place of his.
      if (comment !== ACCOUNT_COMMENT) {
        throw refused(`${another}; to give this one up for backups: usermod --comment '${ACCOUNT_COMMENT}' ${user}`);
      }
      return undefined;
    },
    apply: async () => {
      await script('make-account', [...USERADD_OPTIONS, user]);
    },
  };
}

/**
 * `above` a chroot a folder stays as it is, as long as sshd takes it. Below, what belongs to anybody else is not taken
 * away from him: root never works inside a folder that the account can write into.
 */
function folder(script: Script, path: string, whose: 'above' | 'root' | { readonly user: string }): Resource {
  const [owner, mode] = typeof whose === 'string' ? ['root', '755'] : [whose.user, '700'];
  const wanted = `${owner} 0${mode}`;
  const refused = (why: string) =>
    new CoffreError('refused', `cannot use the folder ${path} over there: ${why}`, {
      hint: `look at it on the contractor's server, or choose another path in inventory/hosts: ls -ld ${quotePosix(path)}`,
    });
  return {
    kind: 'folder',
    name: path,
    async inspect() {
      const [kind, is = '', bits = ''] = (await script('folder', [path]))?.trim().split(':') ?? [];
      if (kind === undefined) return { action: 'create', kind: 'folder', name: path, lines: diffLines('+', wanted) };
      if (kind !== 'directory') throw refused('it is no folder');
      if (is !== 'root' && is !== owner) throw refused(`it belongs to ${is}`);
      if (whose === 'above') {
        if ((Number.parseInt(bits, 8) & 0o022) === 0) return undefined;
        throw refused('others than root can write there, which sshd does not accept above a chroot');
      }
      const actual = `${is} 0${bits}`;
      if (actual === wanted) return undefined;
      return { action: 'change', kind: 'folder', name: path, lines: [`-${actual}`, `+${wanted}`] };
    },
    apply: async () => {
      await script('make-folder', [path, `00${mode}`, owner ?? 'root']);
    },
  };
}

function rules(script: Script, admin: string, { user, chroot, rules: { path, content } }: ContractorSide): Resource {
  return {
    kind: 'file',
    name: path,
    async inspect() {
      const file = await readFile(script, path);
      if (!file) return { action: 'create', kind: 'file', name: path, lines: diffLines('+', content) };
      if (file.content === content && file.rights === 'root:644' && !file.unfinished) return undefined;
      const lines = [
        ...(file.content === content
          ? [' sshd may not have read it yet, or its rights are others']
          : diffLines('-', file.content)),
        ...(file.content === content ? [] : diffLines('+', content)),
      ];
      return { action: 'change', kind: 'file', name: path, lines };
    },
    apply: async () => {
      await script('rules', [path, user, chroot, admin], content);
    },
  };
}

function keys(script: Script, { keys: { path, line, tag } }: ContractorSide): Resource {
  return {
    kind: 'file',
    name: path,
    async inspect(): Promise<Change | undefined> {
      const file = await readFile(script, path);
      if (!file) return { action: 'create', kind: 'file', name: path, lines: diffLines('+', line) };
      const mine = file.content.split('\n').filter((each) => each.split(/\s+/).at(-1) === tag);
      if (mine.length === 1 && mine[0] === line && file.rights === 'root:644') return undefined;
      return { action: 'change', kind: 'file', name: path, lines: [...mine.map((each) => `-${each}`), `+${line}`] };
    },
    apply: async () => {
      await script('keys', [path, tag, line]);
    },
  };
}

async function readFile(script: Script, path: string) {
  const told = await script('file', [path]);
  if (told === undefined) return undefined;
  const end = told.indexOf('\n');
  const [kind = '', owner, mode, mark] = told.slice(0, end).split(':');
  if (!kind.startsWith('regular')) {
    throw new CoffreError('refused', `cannot write ${path} over there: something else has its name`, {
      hint: `look at it on the contractor's server: ls -l ${path}`,
    });
  }
  return { rights: `${owner}:${mode}`, unfinished: mark === 'unfinished', content: told.slice(end + 1) };
}

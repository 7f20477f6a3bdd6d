import { posix } from 'node:path';
import { COMPRESSORS } from '../model/compression.ts';
import type { HostConfig } from '../model/inventory.ts';
import type { RecipientName } from '../model/names.ts';
import { scheduleFault } from '../model/schedule.ts';
import { judgeRemote, judgeSecrets } from './audit-rules.ts';
import type { Objection, Steps } from './finding.ts';

type HostRule = (host: HostConfig, recipients: ReadonlySet<RecipientName>) => Objection[];

const FEWEST_RECIPIENTS = 2;

const unknownRecipient: HostRule = ({ recipients }, known) =>
  recipients.flatMap((name, index) =>
    known.has(name) ? [] : [{ steps: ['recipients', index], message: `there is no recipients/${name}.pem` }],
  );

/** One lost private key must not be the loss of every backup. */
const twoRecipients: HostRule = ({ recipients }) => {
  const distinct = new Set(recipients).size;
  if (distinct < recipients.length) return [{ steps: ['recipients'], message: 'a recipient stands here twice' }];
  if (distinct >= FEWEST_RECIPIENTS) return [];
  return [
    {
      steps: ['recipients'],
      message: `at least ${FEWEST_RECIPIENTS} recipients are needed, so that one may lose its key`,
    },
  ];
};

/** No folder stands inside another, and nothing secret stands where backups are kept or shipped from. */
const overlappingPaths: HostRule = (host) => {
  const folders = (['store', 'export', 'keys', 'state', 'settings', 'agent'] as const).map((name) => ({
    name,
    path: tidy(host[name].path),
  }));
  const secrets: Objection[] = secretFiles(host).flatMap(({ steps, path }) =>
    folders
      .filter(({ name, path: folder }) => (name === 'store' || name === 'export') && isInside(tidy(path), folder))
      .map(({ name }) => ({ steps, message: `a secret must not stand in the folder of ${name}.path` })),
  );
  const overlaps = folders.flatMap((a, index) =>
    folders
      .slice(index + 1)
      .filter((b) => isInside(a.path, b.path) || isInside(b.path, a.path))
      .map((b) => ({
        steps: [a.name, 'path'],
        message: `it and ${b.name}.path are the same, or one is inside the other`,
      })),
  );
  return [...overlaps, ...secrets];
};

function secretFiles(host: HostConfig): { steps: Steps; path: string }[] {
  return [
    { steps: ['database', 'optionFile'], path: host.database.optionFile },
    { steps: ['secrets', 'path'], path: host.secrets.path },
    ...host.offsite.map((offsite, index) =>
      offsite.kind === 'rclone'
        ? { steps: ['offsite', index, 'config'], path: offsite.config }
        : { steps: ['offsite', index, 'identity'], path: offsite.identity },
    ),
    ...(host.audit.kind === 'git' && host.audit.identity !== undefined
      ? [{ steps: ['audit', 'identity'], path: host.audit.identity }]
      : []),
  ];
}

const cronExpression: HostRule = ({ schedule }) => {
  const fault = scheduleFault(schedule);
  return fault === undefined ? [] : [{ steps: ['schedule'], message: fault }];
};

const timezone: HostRule = ({ timezone: name }) =>
  isTimeZone(name)
    ? []
    : [{ steps: ['timezone'], message: 'there is no such time zone: expected a name such as Europe/Paris or UTC' }];

const gitRemotePinned: HostRule = ({ audit }) => judgeRemote(audit);

const secretInInventory: HostRule = ({ audit }) => judgeSecrets(audit);

const offsiteNames: HostRule = ({ offsite }) =>
  offsite.flatMap(({ name }, index) =>
    offsite.findIndex((other) => other.name === name) < index
      ? [{ steps: ['offsite', index, 'name'], message: 'another offsite of this host has this name' }]
      : [],
  );

/** A program would refuse another level, or take it for an option, in the middle of the night. */
const compressionLevel: HostRule = ({ compression: { program, level } }) => {
  const say = (message: string) => [{ steps: ['compression', 'level'], message }];
  if (level === undefined) return [];
  if (program === 'auto') return say('auto takes the level that is usual for what it finds: name a program beside it');
  const [lowest, highest] = COMPRESSORS[program].levels;
  if (level >= lowest && level <= highest) return [];
  return say(`${program} takes a level from ${lowest} to ${highest}`);
};

/** The server compares the name of the account with that of the system user behind the socket. */
const socketLogin: HostRule = ({ database }) => {
  const { user, login } = database.account;
  if (login !== 'unix_socket') return [];
  const say = (key: string, message: string) => [{ steps: ['database', 'account', key], message }];
  if (!('socket' in database)) return say('login', 'unix_socket needs a server on this host, reached by its socket');
  if (/^[a-z_][a-z0-9_-]{0,31}$/.test(user)) return [];
  return say('user', 'unix_socket needs a name that a system user can have');
};

/** Rules that look at one host, by name. */
export const HOST_RULES: Readonly<Record<string, HostRule>> = {
  'unknown-recipient': unknownRecipient,
  'two-recipients': twoRecipients,
  'overlapping-paths': overlappingPaths,
  'cron-expression': cronExpression,
  'compression-level': compressionLevel,
  'socket-login': socketLogin,
  timezone,
  'git-remote-pinned': gitRemotePinned,
  'secret-in-inventory': secretInInventory,
  'duplicate-offsite': offsiteNames,
};

/** Whether `name` is one that IANA has, and no offset. */
export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return /^[A-Za-z]/.test(name);
  } catch {
    return false;
  }
}

/** `path` with `.`, `..` and doubled or closing slashes resolved. */
export function tidy(path: string): string {
  return posix.resolve('/', path);
}

export function isInside(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder === '/' ? '/' : `${folder}/`);
}

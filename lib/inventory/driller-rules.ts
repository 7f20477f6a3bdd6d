import type { DrillerConfig } from '../model/driller-config.ts';
import type { HostConfig } from '../model/inventory.ts';
import type { HostName, RecipientName } from '../model/names.ts';
import { scheduleFault } from '../model/schedule.ts';
import { judgeRemote, judgeSecrets } from './audit-rules.ts';
import type { Objection } from './finding.ts';
import { isInside, isTimeZone, tidy } from './host-rules.ts';

/** What is known of the inventory by the time its drillers are judged. */
export interface Surroundings {
  readonly hosts: ReadonlyMap<HostName, HostConfig>;
  /** Names of hosts whose files are there, also of those that do not fit. */
  readonly hostNames: ReadonlySet<HostName>;
  readonly recipients: ReadonlySet<RecipientName>;
}

type DrillerRule = (driller: DrillerConfig, surroundings: Surroundings) => Objection[];

/** The rule about a host that nobody drills, though it demands it. */
export const UNDRILLED = 'undrilled';

/** Both sign under their name. */
const ownName: DrillerRule = ({ name }, { hostNames }) =>
  hostNames.has(name)
    ? [{ steps: [], message: 'a host has this name, and each signs under its own: take another' }]
    : [];

const drilledHosts: DrillerRule = ({ hosts }, { hostNames }) =>
  hosts.flatMap((name, index) => {
    const say = (message: string) => [{ steps: ['hosts', index], message }];
    // That there is no host at all has been told.
    if (!hostNames.has(name)) return hostNames.size === 0 ? [] : say(`there is no hosts/${name}.yaml`);
    return hosts.indexOf(name) < index ? say('this host stands here twice') : [];
  });

/**
 * A drill opens what was sealed for its recipient. As long as there is no such recipient, provisioning has still to make its
 * key, and nothing can be asked of the hosts.
 */
const drillRecipient: DrillerRule = ({ hosts: names, recipient }, { hosts, recipients }) =>
  names.flatMap((name, index) => {
    const host = hosts.get(name);
    if (!host || !recipients.has(recipient) || host.recipients.includes(recipient)) return [];
    const message = `the backups of ${name} are not sealed for ${recipient}: add it to the recipients of that host`;
    return [{ steps: ['hosts', index], message }];
  });

const drilledCopy: DrillerRule = ({ hosts: names, from }, { hosts }) =>
  names.flatMap((name, index) => {
    const host = hosts.get(name);
    if (!host || !from.startsWith('offsite')) return [];
    if (host.offsite.length === 0)
      return [{ steps: ['hosts', index], message: `${name} has no offsite to drill from` }];
    const [, wanted] = from.split(':');
    if (wanted === undefined || host.offsite.some((offsite) => offsite.name === wanted)) return [];
    return [{ steps: ['from'], message: `${name} has no offsite ${wanted}` }];
  });

const knownLogins: DrillerRule = ({ hosts: names, logins }, { hosts }) =>
  logins.flatMap((login, index) => {
    const say = (key: string, message: string) => [{ steps: ['logins', index, key], message }];
    if (!names.includes(login.host)) return say('host', 'this driller does not drill it');
    const host = hosts.get(login.host);
    if (!host || host.offsite.some(({ name }) => name === login.offsite)) return [];
    return say('offsite', `${login.host} has no such offsite`);
  });

const cronExpression: DrillerRule = ({ schedule }) => {
  const fault = scheduleFault(schedule);
  return fault === undefined ? [] : [{ steps: ['schedule'], message: fault }];
};

const timezone: DrillerRule = ({ timezone: name }) =>
  isTimeZone(name)
    ? []
    : [{ steps: ['timezone'], message: 'there is no such time zone: expected a name such as Europe/Paris or UTC' }];

const gitRemotePinned: DrillerRule = ({ audit }) => {
  const secret = judgeSecrets(audit);
  return secret.length > 0 ? secret : judgeRemote(audit);
};

/** What is thrown away after each drill has nothing else in it, and folders that come and go are nobody else's. */
const ownFolders: DrillerRule = (driller, { hosts }) => {
  const { folder, key, identity, state, settings, agent, secrets, ssh } = driller;
  const scratch = tidy(folder);
  const kept = [
    { steps: ['key'], path: key },
    { steps: ['identity'], path: identity },
    { steps: ['settings', 'path'], path: settings.path },
    { steps: ['agent', 'path'], path: agent.path },
    { steps: ['secrets', 'path'], path: secrets.path },
    { steps: ['state', 'path'], path: state.path },
  ].filter(({ path }) => isInside(tidy(path), scratch));
  const inside = kept.map(({ steps }) => ({
    steps,
    message: 'it stands in folder, which has nothing but the scratch',
  }));
  const here = [...hosts.values()].filter((host) => ssh !== undefined && host.ssh?.address === ssh.address);
  const shared = here.flatMap((host) =>
    (['state', 'settings', 'agent'] as const)
      .filter((name) => tidy(host[name].path) === tidy(driller[name].path))
      .map((name) => ({ steps: [name, 'path'], message: `${host.name}, on the same machine, has the same folder` })),
  );
  return [...inside, ...shared];
};

/** Rules that look at one driller, by name. */
export const DRILLER_RULES: Readonly<Record<string, DrillerRule>> = {
  'driller-name': ownName,
  'drilled-host': drilledHosts,
  'drill-recipient': drillRecipient,
  'drilled-copy': drilledCopy,
  'driller-login': knownLogins,
  'driller-folders': ownFolders,
  'cron-expression': cronExpression,
  timezone,
  'git-remote-pinned': gitRemotePinned,
};

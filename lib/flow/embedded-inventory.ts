import { join } from 'node:path';
import { stringify } from 'yaml';
import type { ThrowawayServer } from '../database/throwaway-server.ts';
import { hostTimeZone } from '../host/host-time-zone.ts';
import type { ThrowawaySshd } from '../host/throwaway-sshd.ts';
import { makeFolder, writeDurably } from '../system/files.ts';

/** A host and all that it works with, in one folder: what is the host's own lies below `host/` as below the root of a real one. */
export interface EmbeddedParts {
  readonly folder: string;
  readonly server: ThrowawayServer;
  /** Option file of the server's administrator. */
  readonly adminOptions: string;
  /** Name of the account that takes the backups. */
  readonly account: string;
  /** By which control reaches the host; absent for one that is never provisioned over SSH. */
  readonly sshd: ThrowawaySshd | undefined;
  readonly contractor: ThrowawaySshd;
  /** Folder of the runs, as the contractor's server sees it. */
  readonly offsitePath: string;
  readonly recipients: readonly string[];
  readonly scheduler: 'cron' | 'none';
}

/** Writes `inventory/defaults.yaml` and `inventory/hosts/db1.yaml`; the audit repository is `audit.git` in the same folder. */
export async function writeEmbeddedInventory(parts: EmbeddedParts): Promise<void> {
  const at = (...names: string[]) => join(parts.folder, ...names);
  const { recipients } = parts;
  const audit = { kind: 'git', remote: at('audit.git'), branch: 'main' };
  await makeFolder(at('inventory/hosts'));
  await writeDurably(at('inventory/defaults.yaml'), stringify({ schedule: '0 4 * * *', recipients, audit }));
  await writeDurably(at('inventory/hosts/db1.yaml'), stringify(await hostOf(parts), { lineWidth: 0 }));
}

async function hostOf({ folder, server, sshd, contractor, ...parts }: EmbeddedParts) {
  const at = (...names: string[]) => join(folder, 'host', ...names);
  return {
    ...(sshd ? { ssh: { ...loginAt(sshd), identity: sshd.identityPath } } : {}),
    timezone: (await hostTimeZone()) ?? 'UTC',
    database: {
      socket: server.socket,
      account: { user: parts.account, from: 'localhost' },
      admin: { optionFile: parts.adminOptions },
      optionFile: at('etc/coffre/my.cnf'),
    },
    store: { path: at('mnt/data/mysqldata'), mount: 'none' },
    export: { path: at('export') },
    log: { syslog: false }, // a demo is nothing that this machine's log should tell of
    limits: { nice: 0, io: 'normal' }, // this machine serves nobody else
    keys: { path: at('.dec') },
    state: { path: at('var/lib/coffre') },
    secrets: { path: at('etc/coffre/.env') },
    settings: { path: at('etc/coffre') },
    agent: { path: at('opt/coffre') },
    scheduler: { kind: parts.scheduler, cronFile: at('etc/cron.d/coffre'), unitFolder: at('etc/systemd/system') },
    offsite: [
      {
        ...{ name: 'contractor', kind: 'sftp', ...loginAt(contractor), path: parts.offsitePath },
        identity: at('etc/coffre/offsite_ed25519'),
      },
    ],
  };
}

function loginAt({ address, port, user, hostKey }: ThrowawaySshd) {
  return { address, port, user, hostKey };
}

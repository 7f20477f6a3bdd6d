import { createPublicKey } from 'node:crypto';
import { join } from 'node:path';
import { ensureSigningKey, signingKeyPath } from '../audit/signing-key.ts';
import { absentAccountResources, accountResources } from '../database/account-resources.ts';
import { startedAppliers } from '../database/applier-resource.ts';
import { accountFromOrder } from '../database/backup-account.ts';
import { formerAccounts } from '../database/former-accounts.ts';
import { chooseScheduler, readSchedulerFacts } from '../host/choose-scheduler.ts';
import { fileResource, noFile } from '../host/file-resource.ts';
import { folderResource, noFolder } from '../host/folder-resource.ts';
import { keyResource } from '../host/key-resource.ts';
import { packageResource } from '../host/package.ts';
import { releaseRemoval, releaseResource } from '../host/release.ts';
import { scheduleTask } from '../host/schedule-task.ts';
import { hostSystemctl } from '../host/systemctl.ts';
import { formerRecipients, recipientFile, sliceFiles } from '../inventory/slice.ts';
import type { ConvergeOrder } from '../model/converge-order.ts';
import type { HostConfig } from '../model/inventory.ts';
import { keyEnd } from '../model/key-end.ts';
import { keyFingerprint } from '../model/key-fingerprint.ts';
import { sftpOffsites } from '../model/offsite-config.ts';
import type { Resource } from '../model/plan.ts';
import type { Slice } from '../model/slice.ts';
import { ensureNamesKey, NamesKey, namesKeyPath } from '../seal/names-key.ts';
import { storeFolder } from '../storage/store-folder.ts';
import { readRequired } from '../system/files.ts';
import { makeKeyFile } from '../system/ssh-key.ts';
import { processUser } from '../system/users.ts';
import { assertOwnSigner, ownSigners } from './own-signers.ts';
import { HOST_TEXTFILE } from './remember.ts';

/** Where the host's things come from. */
export interface HostSources {
  /** Folder of the release that is to be installed; undefined when the sources run, and none is. */
  readonly release: string | undefined;
  /** IANA name of the host's own zone. */
  readonly zone: string;
}

/**
 * All that a host has to have, in the order in which it is made: nothing comes before what it needs, and what starts the
 * nightly task comes last. For a host that is to be bare again the other way round.
 */
export async function hostResources(order: ConvergeOrder, sources: HostSources): Promise<readonly Resource[]> {
  const { host } = order.slice;
  if (order.accountOrder) {
    const { host: replica } = order.accountOrder;
    return [accountFromOrder(order.accountOrder, host), ...(await formerAccounts(host, replica, order.accountOrder))];
  }
  const schedule = await scheduled(host, sources.zone, order.desired);
  if (order.desired === 'absent') return await bareHost(host, schedule);
  return [
    packageResource(host),
    ...foldersOf(host),
    ...(sources.release === undefined ? [] : [releaseResource({ source: sources.release, path: host.agent.path })]),
    ...keysOf(order.slice),
    ...(await filesOf(order)),
    startedAppliers(host),
    ...accountResources(host),
    ...(await formerAccounts(host, host.name, host.database.account)),
    ...schedule,
  ];
}

function foldersOf(host: HostConfig): Resource[] {
  const { store, settings, state, keys } = host;
  return [
    folderResource({ path: settings.path, mode: 0o700, private: true }),
    folderResource({ path: state.path, mode: 0o700, private: true }),
    folderResource({ path: keys.path, mode: 0o755 }),
    folderResource({ path: host.export.path, mode: 0o700 }),
    store.mount === 'none' ? folderResource({ path: store.path, mode: 0o700 }) : storeFolder(store),
  ];
}

/** The keys that the host makes for itself, with what each is for. */
export function keysOf(slice: Slice): Resource[] {
  const { host } = slice;
  const signing = keyResource({
    path: signingKeyPath(host.state.path),
    purpose: `signs the manifests of ${host.name}`,
    make: async () => void (await ensureSigningKey(host.state.path, host.name)),
  });
  return [
    {
      ...signing,
      async inspect() {
        await assertOwnSigner(slice);
        return await signing.inspect();
      },
    },
    ...identitiesOf(host).map(({ path, purpose, hasPassphrase }) =>
      keyResource({ path, purpose, hasPassphrase, make: () => makeKeyFile(path, host.name) }),
    ),
    ...(host.names === 'hashed' ? [namesKeyOf(host)] : []),
  ];
}

/** It stays when the names are plain again, or the host is bare: by it a later run can be compared with the earlier ones. */
function namesKeyOf({ name, settings }: HostConfig): Resource {
  return keyResource({
    path: namesKeyPath(settings.path),
    purpose: `hashes the names of the databases of ${name}`,
    make: async () => void (await ensureNamesKey(settings.path)),
    form: {
      what: '32 random bytes',
      judge: 'coffre',
      isUsable: async (path) => NamesKey.parse((await readRequired(path)).toString('latin1')) !== undefined,
    },
  });
}

export interface Identity {
  readonly path: string;
  readonly purpose: string;
  readonly hasPassphrase: boolean;
}

/** The SSH keys by which the host reaches others, each file once. */
export function identitiesOf(host: Pick<HostConfig, 'offsite' | 'audit'>): readonly Identity[] {
  const all: Identity[] = sftpOffsites(host.offsite).map(({ name, identity, identityPassphrase }) => ({
    path: identity,
    purpose: `logs in to the offsite ${name}`,
    hasPassphrase: identityPassphrase !== undefined,
  }));
  const identity = host.audit.kind === 'git' ? host.audit.identity : undefined;
  if (identity !== undefined) {
    all.push({ path: identity, purpose: 'logs in to the audit repository', hasPassphrase: false });
  }
  return all.filter(({ path }, index) => all.findIndex((other) => other.path === path) === index);
}

/** The host's slice of the inventory, and the recipients' public keys. */
export async function filesOf({ slice }: Pick<ConvergeOrder, 'slice'>): Promise<Resource[]> {
  const { host } = slice;
  const paths = [...sliceFiles(slice).keys()];
  const wanted = paths.map((path) =>
    fileResource({
      path,
      mode: 0o644,
      content: async () => {
        const allowedSigners = await ownSigners(slice);
        return sliceFiles({ ...slice, allowedSigners }).get(path) ?? '';
      },
      ...(path.endsWith('.pem') ? { describe: fingerprintOf } : {}),
    }),
  );
  const gone = (await formerRecipients(host.settings.path)).filter((name) => !host.recipients.includes(name));
  // Before the slice that forgets them, or a killed run would leave them for ever.
  return [...gone.map((name) => noFile(recipientFile(host, name))), ...wanted];
}

/** A key's base64 tells a person nothing. */
function fingerprintOf(pem: string): string {
  try {
    const end = keyEnd(pem)?.toISOString().slice(0, 10);
    return `public key ${keyFingerprint(createPublicKey(pem))}${end === undefined ? '' : `, until ${end}`}\n`;
  } catch {
    return 'not a public key\n';
  }
}

/** What starts the nightly task, and nothing else does. */
export async function scheduled(
  host: HostConfig,
  zone: string,
  desired: ConvergeOrder['desired'],
): Promise<Resource[]> {
  const { kind, cronFile, unitFolder } = host.scheduler;
  const facts = await readSchedulerFacts();
  const task = {
    host: host.name,
    schedule: host.schedule,
    user: processUser() ?? 'root',
    words: [join(host.agent.path, 'current', 'coffre'), 'backup', '--inventory', host.settings.path],
    zone,
  };
  const scheduler = desired === 'absent' ? 'none' : chooseScheduler(kind, facts);
  return scheduleTask({ scheduler, task, cronFile, unitFolder, systemctl: await hostSystemctl() });
}

/** The backups stay, and with them the keys and the chain by which the host could return. */
async function bareHost(host: HostConfig, schedule: readonly Resource[]): Promise<Resource[]> {
  const { settings, keys } = host;
  const recipients = new Set([...host.recipients, ...(await formerRecipients(settings.path))]);
  const files = ['host.yaml', 'allowed_signers'].map((name) => noFile(join(settings.path, name)));
  const metrics = host.metrics ? [noFile(join(host.metrics.textfile, HOST_TEXTFILE))] : [];
  return [
    ...schedule,
    ...metrics,
    startedAppliers(host),
    ...absentAccountResources(host),
    ...(await formerAccounts(host, host.name, host.database.account)),
    ...[...recipients].map((name) => noFile(recipientFile(host, name))),
    ...files,
    releaseRemoval(host.agent.path),
    noFolder(keys.path),
    noFolder(host.export.path),
    noFolder(settings.path),
  ];
}

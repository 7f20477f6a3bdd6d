import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { addAllowedSigner, ensureSigningKey } from '../audit/signing-key.ts';
import { loadSql } from '../database/load-sql.ts';
import { nativeHash } from '../database/native-hash.ts';
import { grantStatement } from '../database/privileges.ts';
import { startThrowawayServer, type ThrowawayServer } from '../database/throwaway-server.ts';
import { startThrowawaySshd, stopThrowawaySshd, type ThrowawaySshd } from '../host/throwaway-sshd.ts';
import { readInventory } from '../inventory/read.ts';
import { CoffreError } from '../model/error.ts';
import type { HostConfig, Inventory } from '../model/inventory.ts';
import { HostName } from '../model/names.ts';
import { copyFile, makeFolder, writeDurably } from '../system/files.ts';
import { runGit } from '../system/git.ts';
import { endRecordedProcess, recordProcess } from '../system/process-record.ts';
import { newRecipient } from './keys.ts';

/** Everything that a company has, real and small, in one folder: a host with MariaDB, a contractor, an audit repository. */
export interface EmbeddedWorld {
  readonly folder: string;
  readonly inventoryFolder: string;
  readonly hostName: HostName;
  readonly server: ThrowawayServer;
  readonly contractor: ThrowawaySshd;
  /** Option file of an account that may do everything: what a person restores with. */
  readonly adminOptions: string;
  readonly auditRepository: string;
  /** Private keys by recipient, and the passphrase of them all. */
  readonly keys: { readonly company: string; readonly escrow: string; readonly passphrase: string };
  inventory(): Promise<Inventory>;
  host(): Promise<HostConfig>;
  stop(): Promise<void>;
}

export interface EmbeddedWorldOptions {
  readonly folder: string;
  readonly logBin?: boolean;
  /** Whether the contractor allows commands beside SFTP. */
  readonly shell?: boolean;
  /** What stands in the passphrase file of `keys/`, if any: says that it is a demo. */
  readonly passphraseNote?: string;
}

const HOST = HostName.parse('db1');
const SERVER_RECORD = 'host/mysql/process.json';

/** Starts the world in an empty folder. What was started is stopped again when any of it fails. */
export async function startEmbeddedWorld(options: EmbeddedWorldOptions): Promise<EmbeddedWorld> {
  const { folder } = options;
  const at = (...names: string[]) => join(folder, ...names);
  const started: { stop(): Promise<void> }[] = [];
  const stop = async () => {
    for (const part of started.splice(0).reverse()) await part.stop();
  };
  try {
    for (const name of [
      'host/mnt/data/mysqldata',
      'host/export',
      'host/.dec',
      'offsite/backups/db1',
      'inventory/hosts',
    ]) {
      await makeFolder(at(name));
    }
    await makeFolder(at('host/var/lib/coffre'), 0o700);
    await makeFolder(at('host/etc/coffre'), 0o700);
    await makeFolder(at('keys'), 0o700);
    const server = await startThrowawayServer({ folder: at('host/mysql'), logBin: options.logBin ?? true });
    started.push(server);
    await recordProcess(at(SERVER_RECORD), server.pid);
    const contractor = await startThrowawaySshd({ folder: at('offsite/sshd'), sftpOnly: !options.shell });
    started.push(contractor);
    await runGit(['init', '--quiet', '--bare', at('audit.git')]);
    await makeBackupAccount(server, at('host/etc/coffre/my.cnf'));
    const adminOptions = at('host/etc/coffre/admin.cnf');
    await writeDurably(adminOptions, `[client]\nuser = root\nsocket = "${server.socket}"\n`, 0o600);
    await copyFile(contractor.identityPath, at('host/etc/coffre/offsite_ed25519'), 0o600);
    const keys = await makeKeys(options);
    await writeInventory(options, server, contractor);
    const publicKey = await ensureSigningKey(at('host/var/lib/coffre'), HOST);
    await addAllowedSigner(at('inventory'), HOST, publicKey);
    const inventory = () => readInventory(at('inventory'));
    return {
      folder,
      inventoryFolder: at('inventory'),
      hostName: HOST,
      server,
      contractor,
      adminOptions,
      auditRepository: at('audit.git'),
      keys,
      inventory,
      host: async () => hostNamed(await inventory(), HOST),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Ends what a world in `folder` has started, from whichever process. The folder stays. */
export async function stopEmbeddedWorld(folder: string): Promise<void> {
  await endRecordedProcess(join(folder, SERVER_RECORD));
  await stopThrowawaySshd(join(folder, 'offsite/sshd'));
}

function hostNamed(inventory: Inventory, name: HostName): HostConfig {
  const host = inventory.hosts.get(name);
  if (host) return host;
  throw new CoffreError('inventory', `cannot find the host ${name} in ${inventory.folder}`);
}

/** The account that takes the backups, with a random password that stands in its option file and nowhere else. */
async function makeBackupAccount(server: ThrowawayServer, optionFile: string): Promise<void> {
  const password = randomBytes(24).toString('hex');
  const account = { user: 'bkpuser', from: 'localhost' };
  const create = `CREATE USER 'bkpuser'@'localhost' IDENTIFIED BY PASSWORD '${nativeHash(password)}';\n${grantStatement(account)};\n`;
  await loadSql(server.root, create);
  await writeDurably(optionFile, `[client]\nuser = bkpuser\npassword = "${password}"\n`, 0o600);
}

async function makeKeys({ folder, passphraseNote }: EmbeddedWorldOptions): Promise<EmbeddedWorld['keys']> {
  const passphrase = randomBytes(12).toString('base64url');
  const path = (name: string) => join(folder, 'keys', `${name}.pem`);
  await Promise.all(
    ['company', 'escrow'].map((name) =>
      newRecipient({
        name,
        inventoryFolder: join(folder, 'inventory'),
        privateKeyPath: path(name),
        passphrase,
      }),
    ),
  );
  if (passphraseNote !== undefined) {
    await writeDurably(join(folder, 'keys', 'passphrase.txt'), `${passphrase}\n`, 0o600);
    await writeDurably(join(folder, 'keys', 'README.txt'), passphraseNote);
  }
  return { company: path('company'), escrow: path('escrow'), passphrase };
}

async function writeInventory({ folder }: EmbeddedWorldOptions, server: ThrowawayServer, contractor: ThrowawaySshd) {
  const at = (...names: string[]) => join(folder, ...names);
  const { address, port, user, hostKey } = contractor;
  const defaults = {
    schedule: '0 4 * * *',
    recipients: ['company', 'escrow'],
    audit: { kind: 'git', remote: at('audit.git'), branch: 'main' },
  };
  const host = {
    database: {
      socket: server.socket,
      account: { user: 'bkpuser', from: 'localhost' },
      optionFile: at('host/etc/coffre/my.cnf'),
    },
    store: { path: at('host/mnt/data/mysqldata'), mount: 'none' },
    export: { path: at('host/export') },
    keys: { path: at('host/.dec') },
    state: { path: at('host/var/lib/coffre') },
    secrets: { path: at('host/etc/coffre/.env') },
    offsite: [
      {
        name: 'contractor',
        kind: 'sftp',
        address,
        port,
        user,
        path: at('offsite/backups/db1'),
        hostKey,
        identity: at('host/etc/coffre/offsite_ed25519'),
      },
    ],
  };
  await writeDurably(at('inventory/defaults.yaml'), stringify(defaults));
  await writeDurably(at('inventory/hosts/db1.yaml'), stringify(host, { lineWidth: 0 }));
}

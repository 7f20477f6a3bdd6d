import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
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
import type { KeyPair } from '../seal/key-pair.ts';
import { copyFile, makeFolder, readRequired, writeDurably } from '../system/files.ts';
import { runGit } from '../system/git.ts';
import { endRecordedProcess, recordProcess } from '../system/process-record.ts';
import { writeEmbeddedInventory } from './embedded-inventory.ts';
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
  /** Whether the server listens on 127.0.0.1 too, so that others can follow it. */
  readonly network?: boolean;
  /** Whether the contractor allows commands beside SFTP. */
  readonly shell?: boolean;
  /** Whether the host is only a server with sshd: everything else is left to provisioning, through `operatorKey`. */
  readonly bare?: boolean;
  /** Keys that are there already, under one passphrase; new ones are made if absent, which takes seconds. */
  readonly keys?: { readonly company: KeyPair; readonly escrow: KeyPair; readonly passphrase: string };
  /** What stands in the passphrase file of `keys/`, if any: says that it is a demo. */
  readonly passphraseNote?: string;
}

const HOST = HostName.parse('db1');
const RECIPIENTS = ['company', 'escrow'] as const;
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
    for (const name of ['host', 'offsite/backups/db1']) await makeFolder(at(name));
    for (const name of ['host/root', 'keys']) await makeFolder(at(name), 0o700);
    const server = await startThrowawayServer({
      folder: at('host/mysql'),
      logBin: options.logBin ?? true,
      network: options.network ?? false,
    });
    started.push(server);
    await recordProcess(at(SERVER_RECORD), server.pid);
    const contractor = await startThrowawaySshd({ folder: at('offsite/sshd'), sftpOnly: !options.shell });
    started.push(contractor);
    await runGit(['init', '--quiet', '--bare', at('audit.git')]);
    const adminOptions = at('host/root/admin.cnf');
    await writeDurably(adminOptions, `[client]\nuser = root\nsocket = "${server.socket}"\n`, 0o600);
    const keys = await makeKeys(options);
    const hostSshd = options.bare ? await startThrowawaySshd({ folder: at('host/sshd'), sftpOnly: false }) : undefined;
    if (hostSshd) started.push(hostSshd);
    await writeEmbeddedInventory({
      ...{ folder, server, adminOptions, sshd: hostSshd, contractor, account: 'bkpuser', scheduler: 'cron' },
      ...{ offsitePath: at('offsite/backups/db1'), recipients: RECIPIENTS },
    });
    if (!options.bare) await equipHost(folder, server, contractor);
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

/** What provisioning would have done, for tests of what comes after it: in a second less, and with the contractor's consent. */
async function equipHost(folder: string, server: ThrowawayServer, contractor: ThrowawaySshd): Promise<void> {
  const at = (...names: string[]) => join(folder, ...names);
  for (const name of ['host/mnt/data/mysqldata', 'host/export', 'host/.dec']) await makeFolder(at(name));
  for (const name of ['host/var/lib/coffre', 'host/etc/coffre']) await makeFolder(at(name), 0o700);
  await makeBackupAccount(server, at('host/etc/coffre/my.cnf'));
  await copyFile(contractor.identityPath, at('host/etc/coffre/offsite_ed25519'), 0o600);
  const publicKey = await ensureSigningKey(at('host/var/lib/coffre'), HOST);
  await addAllowedSigner(at('inventory'), HOST, publicKey);
}

/** The contractor's part: lets a key of the host in. */
export async function contractorLetsIn(folder: string, publicKey: string): Promise<void> {
  const path = join(folder, 'offsite/sshd/authorized_keys');
  await writeDurably(path, `${await readRequired(path)}${publicKey}\n`, 0o600);
}

/** Ends what a world in `folder` has started, from whichever process. The folder stays. */
export async function stopEmbeddedWorld(folder: string): Promise<void> {
  await endRecordedProcess(join(folder, SERVER_RECORD));
  await stopThrowawaySshd(join(folder, 'offsite/sshd'));
  await stopThrowawaySshd(join(folder, 'host/sshd'));
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

async function makeKeys({ folder, keys, passphraseNote }: EmbeddedWorldOptions): Promise<EmbeddedWorld['keys']> {
  const passphrase = keys?.passphrase ?? randomBytes(12).toString('base64url');
  const path = (name: string) => join(folder, 'keys', `${name}.pem`);
  const inventoryFolder = join(folder, 'inventory');
  await Promise.all(
    RECIPIENTS.map(async (name) => {
      if (!keys) return void (await newRecipient({ name, inventoryFolder, privateKeyPath: path(name), passphrase }));
      await makeFolder(join(inventoryFolder, 'recipients'));
      await writeDurably(join(inventoryFolder, 'recipients', `${name}.pem`), keys[name].publicKey);
      await writeDurably(path(name), keys[name].privateKey, 0o600);
    }),
  );
  if (passphraseNote !== undefined) {
    await writeDurably(join(folder, 'keys', 'passphrase.txt'), `${passphrase}\n`, 0o600);
    await writeDurably(join(folder, 'keys', 'README.txt'), passphraseNote);
  }
  return { company: path('company'), escrow: path('escrow'), passphrase };
}

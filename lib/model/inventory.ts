import { z } from 'zod';
import { COMPRESSORS, type CompressorName } from './compression.ts';
import { HostName, OffsiteName, RecipientName } from './names.ts';

/*
 * The inventory's schema. `inventory/hosts/<host>.yaml` is merged over `inventory/defaults.yaml`, and the result
 * must be a HostConfig. Every object is strict: an unknown key is an error.
 */

const Path = z
  .string()
  .regex(/^\/[^\0\n]*$/, 'an absolute path')
  .describe('An absolute path on the host');
const Address = z
  .string()
  .regex(/^[A-Za-z0-9:][A-Za-z0-9:._-]*$/, 'a host name or an IP address')
  .describe('A DNS name or an IP address');
const Port = z.int().min(1).max(65535);
const UserName = z.string().regex(/^[A-Za-z_][A-Za-z0-9_.-]{0,31}$/, 'a login name');
const SecretName = z
  .string()
  .regex(/^[A-Z][A-Z0-9_]*$/, 'the NAME of a variable in the .env file, never the secret itself');
const HostKey = z
  .string()
  .regex(
    /^(ssh-ed25519|ecdsa-sha2-nistp256|ecdsa-sha2-nistp384|ecdsa-sha2-nistp521|ssh-rsa) [A-Za-z0-9+/]+={0,2}$/,
    'type and key, as in known_hosts: "ssh-ed25519 AAAA…"',
  )
  .describe('The SSH host key that the server must show; get it with ssh-keyscan and compare it by another way');

/** No client program sends a name with NUL. */
const AccountPart = z
  .string()
  .min(1)
  .regex(/^[^\0]*$/, 'text without NUL');

export const Account = z
  .strictObject({
    user: AccountPart.max(128).describe('Name of the MariaDB account that takes the backup'),
    from: AccountPart.max(255).describe('Host part of that account'),
    login: z
      .enum(['password', 'unix_socket'])
      .default('password')
      .describe(
        'password: a random one, made on the host, in the option file alone; unix_socket: the system user of that name, without a password',
      ),
  })
  .describe("The backup account 'user'@'from'");

const Common = {
  account: Account,
  admin: z
    .strictObject({ optionFile: Path })
    .optional()
    .describe(
      'Option file, on the host, of an account that may make the backup account; if absent, the system user of the task logs in by unix_socket',
    ),
  replicaOf: HostName.optional().describe(
    'The host of the inventory that is the primary of this server: the account is made there, and replication brings it',
  ),
  replica: z
    .strictObject({
      maxLagSeconds: z
        .int()
        .min(0)
        .default(300)
        .describe('How far the server may be behind its primary; beyond it the run fails, and says so'),
      stop: z
        .union([z.literal(false), z.literal('sql-thread')])
        .default(false)
        .describe(
          'sql-thread: nothing is applied while the dumps start, for some seconds; false: commits alone are held back, as on a primary',
        ),
    })
    .optional()
    .describe('How a run is taken from a server that follows another one'),
  optionFile: Path.default('/etc/coffre/my.cnf').describe(
    'Option file, mode 0600, whose [client] section has the password',
  ),
  exclude: z.array(z.string().min(1)).default([]).describe('Databases that are not backed up'),
  parallel: z
    .int()
    .min(1)
    .max(64)
    .optional()
    .describe(
      'Dump programs that are wanted at a time; one more than there are cores if absent, fewer where the server has not enough connections',
    ),
  snapshot: z
    .strictObject({
      lockWaitSeconds: z
        .int()
        .min(1)
        .max(3600)
        .default(10)
        .describe('How long the lock is waited for, each of three times; no query of anybody is ended for it'),
      holdSeconds: z
        .int()
        .min(1)
        .max(60)
        .default(5)
        .describe('How long commits may be held back until every dump has started'),
      fallback: z
        .enum(['single-dump', 'fail'])
        .default('single-dump')
        .describe('Without the lock: one dump of all databases, which needs none and takes longer; or no backup'),
    })
    .prefault({})
    .describe('The moment that all dumps see'),
  nonTransactional: z
    .enum(['list', 'lock'])
    .default('list')
    .describe(
      'Tables of engines without transactions, such as MyISAM: listed in the manifest as not of that moment, or locked against writing until they are dumped',
    ),
};
const LocalDatabase = z.strictObject({ socket: Path, ...Common }).describe('A server on this host');
const RemoteDatabase = z
  .strictObject({
    address: Address,
    port: Port.default(3306),
    tls: z.strictObject({ ca: Path.describe('PEM of the authority that signed the server certificate') }),
    ...Common,
  })
  .describe("Another machine's server, over TLS");
export const DatabaseConfig = z.union([LocalDatabase, RemoteDatabase]);
export type DatabaseConfig = z.infer<typeof DatabaseConfig>;

const ContractorAdmin = z.strictObject({
  user: UserName.describe('root, or a user who may run anything through sudo without a password'),
  port: Port.optional().describe('The port of the offsite if absent; the server must show the same host key'),
  identity: z
    .string()
    .min(1)
    .optional()
    .describe("Private SSH key at control; ~/.ssh/id_ed25519 or the operator's SSH agent if absent"),
  folder: z
    .string()
    .regex(/^(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)+$/, 'an absolute path of letters, digits, dots, hyphens and underscores')
    .default('/srv/coffre')
    .describe('Folder over there that has one folder an account, each the root of what that account can see'),
});

export const SftpOffsiteConfig = z.strictObject({
  name: OffsiteName,
  kind: z.literal('sftp'),
  address: Address,
  port: Port.default(22),
  user: UserName,
  path: Path.describe('Folder on the offsite that takes one folder a run, as its account sees it'),
  hostKey: HostKey,
  identity: Path.default('/etc/coffre/offsite_ed25519').describe('Private SSH key on the host, mode 0600'),
  identityPassphrase: SecretName.optional().describe('NAME in the .env file of the passphrase of the identity'),
  verify: z
    .enum(['auto', 'rehash', 'read-back', 'size'])
    .default('auto')
    .describe('How a copy is verified: sha256sum over there, reading it back, its size, or the best that works'),
  admin: ContractorAdmin.optional().describe(
    'Who may set up the account of this offsite on its server; if absent, the contractor is only told what to set up',
  ),
});
export type SftpOffsiteConfig = z.infer<typeof SftpOffsiteConfig>;
export const OffsiteConfig = z.discriminatedUnion('kind', [SftpOffsiteConfig]);
export type OffsiteConfig = z.infer<typeof OffsiteConfig>;

export const AuditConfig = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('git'),
    remote: z.string().min(1).max(1024).describe('Any remote that git understands'),
    branch: z
      .string()
      .regex(/^(?!.*(\.\.|\/\/|\/\.|\.\/|\.lock(\/|$)|[./]$))[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$/, 'a branch name')
      .default('main'),
    identity: Path.optional().describe('Private SSH key for the remote; the own keys of the user if absent'),
    hostKey: HostKey.optional().describe("The remote's SSH host key; required when the remote is reached by SSH"),
  }),
]);
export type AuditConfig = z.infer<typeof AuditConfig>;

const Keep = z.strictObject({
  daily: z.int().min(0).optional(),
  weekly: z.int().min(0).optional(),
  monthly: z.int().min(0).optional(),
  yearly: z.int().min(0).optional(),
});

/*
 * A host serves while it is backed up. Being last in the queue costs a run nothing on a machine that has nothing else to
 * do, so that is the default. A rate costs time on any machine, so that nobody has one who does not ask for it.
 */
const Limits = z
  .strictObject({
    nice: z
      .int()
      .min(0)
      .max(19)
      .default(10)
      .describe(
        'Niceness of the run and of every program that it starts, not of the server. At 10 it takes a tenth of what a process of the server takes where both want the processor, and all of it where nobody else does. It counts from the moment on when every dump has its snapshot: commits are held back until then, and shall not be for longer',
      ),
    io: z
      .enum(['normal', 'best-effort', 'idle'])
      .default('best-effort')
      .describe(
        'I/O priority of the same, from then on: best-effort, the last of its eight levels; idle, only while nobody else asks, which can starve a run on a busy disk; normal, as it is. It counts where the scheduler of the disk knows priorities (bfq, mq-deadline)',
      ),
    uploadBytesPerSecond: z
      .int()
      .min(1024)
      .optional()
      .describe('What is sent to all offsites together, in bytes a second; if absent, as fast as the line is'),
    dumpBytesPerSecond: z
      .int()
      .min(1_000_000)
      .optional()
      .describe(
        'Rate at which all dumps together are read from the server, in bytes a second; if absent, as fast as it goes. No dump gets less than some 50 KB a second, or the server would drop it. The slower, the longer the server has to keep the state of the snapshot',
      ),
  })
  .prefault({})
  .describe('How a run gives way to what the host serves');

export const HostConfig = z
  .strictObject({
    ssh: z
      .strictObject({
        address: Address,
        port: Port.default(22),
        user: UserName.describe('root, or a user who may run anything through sudo without a password'),
        hostKey: HostKey,
        identity: z
          .string()
          .min(1)
          .optional()
          .describe("Private SSH key at control; ~/.ssh/id_ed25519 or the operator's SSH agent if absent"),
      })
      .optional()
      .describe('How control reaches the host'),
    database: DatabaseConfig,
    schedule: z.string().describe('When the nightly task runs: five cron fields, in the time zone below'),
    timezone: z.string().default('UTC').describe('IANA name of the time zone of the host'),
    graceHours: z
      .number()
      .min(0)
      .max(720)
      .default(6)
      .describe('Hours after the scheduled time until a missing run is a finding'),
    store: z.strictObject({
      path: Path,
      mount: z
        .string()
        .regex(/^(none|[a-z0-9._-]+)$/, 'none, or a file system type such as fuse.glusterfs')
        .describe('File system type that must be mounted at or above the path; none for a plain folder'),
    }),
    export: z.strictObject({ path: Path }).prefault({ path: '/export' }),
    keys: z.strictObject({ path: Path }).prefault({ path: '/.dec' }),
    state: z.strictObject({ path: Path }).prefault({ path: '/var/lib/coffre' }),
    secrets: z.strictObject({ path: Path }).prefault({ path: '/etc/coffre/.env' }),
    recipients: z.array(RecipientName).describe('Who can open the backups of this host; at least two'),
    offsite: z.array(OffsiteConfig).default([]),
    compression: z
      .strictObject({
        program: z
          .enum(['auto', ...(Object.keys(COMPRESSORS) as [CompressorName, ...CompressorName[]])])
          .default('auto')
          .describe(
            'auto: the fastest that the host has of igzip, pigz and zlib, in this order; all but zstd write .tar.gz, and zstd writes .tar.zst, which a recovery by hand needs the program zstd for',
          ),
        level: z
          .int()
          .min(0)
          .max(19)
          .optional()
          .describe(
            'Of the program that is named: igzip 0 to 3, pigz, gzip and zlib 1 to 9, zstd 1 to 19; if absent 2, 6 and 3',
          ),
      })
      .prefault({ program: 'auto' }),
    limits: Limits,
    retention: z
      .strictObject({ store: Keep.optional(), export: Keep.optional(), offsite: Keep.optional() })
      .optional()
      .describe('How many runs are kept where'),
    audit: AuditConfig,
    settings: z
      .strictObject({ path: Path })
      .prefault({ path: '/etc/coffre' })
      .describe("Folder with the host's own slice of the inventory"),
    agent: z
      .strictObject({
        // Node loads no module from a path with a backslash in it.
        path: Path.regex(/^[^\\]*$/, 'a path without a backslash')
          .default('/opt/coffre')
          .describe('Folder of the releases of the agent'),
        installPackages: z
          .boolean()
          .default(false)
          .describe('Whether provisioning may install missing Debian packages; if not, it names them'),
      })
      .prefault({}),
    scheduler: z
      .strictObject({
        kind: z
          .enum(['auto', 'cron', 'systemd', 'none'])
          .default('auto')
          .describe('What starts the nightly task: cron where it is there, else a timer of systemd; none: nothing'),
        cronFile: Path.default('/etc/cron.d/coffre'),
        unitFolder: Path.default('/etc/systemd/system').describe('Where a timer and its service are written'),
      })
      .prefault({}),
    notify: z.array(z.never()).default([]),
  })
  .describe('One host of the inventory, after its defaults are merged in');

/** A host with its name, defaults merged, every field present. */
export type HostConfig = z.infer<typeof HostConfig> & { readonly name: HostName };

/** A recipient's public key as the inventory holds it. */
export interface Recipient {
  readonly name: RecipientName;
  /** PEM, SubjectPublicKeyInfo. */
  readonly publicKey: string;
}

export interface Inventory {
  /** Folder that it was read from. */
  readonly folder: string;
  readonly hosts: ReadonlyMap<HostName, HostConfig>;
  readonly recipients: ReadonlyMap<RecipientName, Recipient>;
  /** `inventory/signers/allowed_signers`, as text; empty when there is none yet. */
  readonly allowedSigners: string;
}

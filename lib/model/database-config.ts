import * as z from 'zod';
import { Address, Path, Port } from './config-parts.ts';
import { HostName } from './names.ts';

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
      'Dump programs that may read at a time, never more; a short one for the accounts comes besides. If absent: one more than there are cores, and up to some twice as many where the data does not come out even. Fewer where the server has not enough connections',
    ),
  snapshot: z
    .strictObject({
      lockWaitSeconds: z
        .int()
        .min(1)
        .max(3600)
        .default(10)
        .describe(
          'How long the lock is waited for, each of three times; a dump waits three times as long for each table that somebody has locked; no query of anybody is ended for it',
        ),
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
      attempts: z
        .int()
        .min(1)
        .max(5)
        .default(2)
        .describe(
          'How often a run takes a snapshot, and dumps all, before it fails because a table or another object was changed meanwhile',
        ),
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
    tls: z
      .strictObject({ ca: Path.describe('PEM of the authority that signed the server certificate') })
      .describe('How the server proves that it is the right one'),
    ...Common,
  })
  .describe("Another machine's server, over TLS");
export const DatabaseConfig = z.union([LocalDatabase, RemoteDatabase]);
export type DatabaseConfig = z.infer<typeof DatabaseConfig>;

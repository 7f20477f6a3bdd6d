import * as z from 'zod';
import { HostName } from './names.ts';

/**
 * What an account can need to take backups, all of it on `*.*`: the first six for any dump. A replica is asked how far
 * it lags. Where the inventory says so, tables without transactions are locked, and what applies is stopped and started.
 */
export const PRIVILEGES = [
  'SELECT',
  'SHOW VIEW',
  'TRIGGER',
  'EVENT',
  'RELOAD',
  'PROCESS',
  'LOCK TABLES',
  'SLAVE MONITOR',
  'REPLICATION SLAVE ADMIN',
] as const;
export type Privilege = (typeof PRIVILEGES)[number];

const Identity = {
  /** The host whose backups are taken with it. */
  host: HostName,
  user: z.string().min(1).max(128),
  from: z.string().min(1).max(255),
  /** Whether the account may connect over TLS only. */
  tls: z.boolean(),
  /** Whether it is to be there, or to go. */
  want: z.enum(['present', 'absent']),
  /** What it may do, and nothing else. */
  privileges: z.array(z.enum(PRIVILEGES)),
};

/**
 * The backup account as it has to be on a server. Where the server of a host is a replica, this is what the agent there
 * hands to control, and control to the agent of the primary: on the replica itself nothing may be written.
 *
 * It carries the server's hash of the password, never the password. That does no harm: the password has 256 random
 * bits, so that nobody finds it from its hash, and no server takes the hash in its place. Yet it is no text for a log.
 */
export const AccountOrder = z.discriminatedUnion('login', [
  z.strictObject({
    ...Identity,
    login: z.literal('password'),
    hash: z.string().regex(/^\*[0-9A-F]{40}$/, 'a hash of mysql_native_password'),
  }),
  z.strictObject({ ...Identity, login: z.literal('unix_socket') }),
]);
export type AccountOrder = z.infer<typeof AccountOrder>;

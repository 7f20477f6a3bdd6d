import * as z from 'zod';
import { CoffreError } from '../model/error.ts';
import { query, queryLines } from './client.ts';
import { type Connection, describeServer } from './connection.ts';
import { isTrustMark } from './creator-trust.ts';
import { OWN_DATABASES, readDatabaseNames } from './database-names.ts';
import { type GtidSet, parseGtidSet } from './gtid-set.ts';
import { lackingOf } from './privileges.ts';
import { describeSource, readReplicaSources } from './replica-sources.ts';

/** What has to be known of a server that is to become a replica. */
export interface SeedTarget {
  /** Databases that are not the server's own. */
  readonly databases: readonly string[];
  /** Of those that a server is installed with, those that nothing is in. */
  readonly unused: readonly string[];
  /** Whom it follows already, in sentences. */
  readonly follows: readonly string[];
  /** What its own log has; null where it is off. */
  readonly ownLog: GtidSet | null;
  readonly serverId: number;
  readonly readOnly: boolean;
  readonly runsEvents: boolean;
}

/** What mariadb-install-db makes beside the server's own. */
const INSTALLED = 'test';
const Used = z.object({ objects: z.int() });
const USED = `SELECT JSON_OBJECT('objects',
  (SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = '${INSTALLED}')
  + (SELECT COUNT(*) FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = '${INSTALLED}')
  + (SELECT COUNT(*) FROM information_schema.EVENTS WHERE EVENT_SCHEMA = '${INSTALLED}'))`;

const Settings = z.object({
  ownLog: z.string().nullable(),
  serverId: z.int(),
  readOnly: z.string(),
  events: z.string(),
});
const SETTINGS = `SELECT JSON_OBJECT('ownLog', IF(@@GLOBAL.log_bin, @@GLOBAL.gtid_binlog_pos, NULL),
  'serverId', @@GLOBAL.server_id, 'readOnly', CAST(@@GLOBAL.read_only AS CHAR), 'events', @@GLOBAL.event_scheduler)`;

/**
 * BINLOG ADMIN, so that what is loaded stays out of the server's own log: there it would be transactions that the primary
 * does not have.
 */
const NEEDED = ['SLAVE MONITOR', 'REPLICATION SLAVE ADMIN', 'BINLOG ADMIN'] as const;

/** Throws `account-lacks-privilege`, naming all that is missing to make a replica. */
export async function inspectSeedTarget(connection: Connection): Promise<SeedTarget> {
  const missing = lackingOf(NEEDED, await queryLines(connection, 'SHOW GRANTS'));
  if (missing.length > 0) {
    const message = `cannot make a replica of ${describeServer(connection)}: the account lacks ${missing.join(', ')} on *.*`;
    throw new CoffreError('account-lacks-privilege', message, {
      hint: 'name the option file of an administrator of that server: --defaults-file FILE',
      findings: missing,
    });
  }
  const [settings] = await query(connection, SETTINGS, Settings);
  const names = (await readDatabaseNames(connection)).filter((name) => !OWN_DATABASES.has(name) && !isTrustMark(name));
  const unused =
    names.includes(INSTALLED) && (await query(connection, USED, Used))[0]?.objects === 0 ? [INSTALLED] : [];
  return {
    databases: names.filter((name) => !unused.includes(name)).sort(),
    unused,
    follows: (await readReplicaSources(connection)).map(describeSource),
    ownLog: settings?.ownLog == null ? null : parseGtidSet(settings.ownLog),
    serverId: settings?.serverId ?? 0,
    readOnly: !['0', 'OFF'].includes(settings?.readOnly ?? '0'),
    runsEvents: settings?.events === 'ON',
  };
}

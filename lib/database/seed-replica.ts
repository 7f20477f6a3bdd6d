import * as z from 'zod';
import { execute, query } from './client.ts';
import type { Connection } from './connection.ts';
import { quoteIdentifier, quoteString } from './sql-text.ts';

/** The server that a new replica follows. */
export interface Primary {
  readonly address: string;
  readonly port: number;
  /** PEM of the authority of its certificate, a path on the replica; without one the connection is not encrypted. */
  readonly ca: string | null;
}

/** Where in its primary's history a new replica begins. */
export type StartingPoint =
  | { readonly kind: 'gtid'; readonly gtid: string }
  | { readonly kind: 'position'; readonly file: string; readonly position: number };

/** The account by which a replica logs in at its primary. Never to be printed. */
export interface ReplicationLogin {
  readonly user: string;
  readonly password: string;
}

/**
 * Tells the server whom to follow, and from where on; nothing starts yet. The password goes through the client's standard
 * input, into no log of the server (sql_log_off, as far as the account may), and into the server's own file
 * of it. https://mariadb.com/kb/en/change-master-to/
 */
export async function followPrimary(
  connection: Connection,
  { address, port, ca }: Primary,
  { user, password }: ReplicationLogin,
  start: StartingPoint,
): Promise<void> {
  const tls =
    ca === null ? [] : ['MASTER_SSL = 1', `MASTER_SSL_CA = ${quoteString(ca)}`, 'MASTER_SSL_VERIFY_SERVER_CERT = 1'];
  const settings = [
    `MASTER_HOST = ${quoteString(address)}`,
    `MASTER_PORT = ${port}`,
    `MASTER_USER = ${quoteString(user)}`,
    `MASTER_PASSWORD = ${quoteString(password)}`,
    ...tls,
    ...(start.kind === 'gtid'
      ? ['MASTER_USE_GTID = slave_pos']
      : [`MASTER_LOG_FILE = ${quoteString(start.file)}`, `MASTER_LOG_POS = ${start.position}`, 'MASTER_USE_GTID = no']),
  ];
  const unheard = `DELIMITER //
BEGIN NOT ATOMIC DECLARE CONTINUE HANDLER FOR SQLEXCEPTION DO 0; SET SESSION sql_log_off = 1; END//
DELIMITER ;
`;
  const place = start.kind === 'gtid' ? `SET GLOBAL gtid_slave_pos = ${quoteString(start.gtid)};\n` : '';
  await execute(connection, `${unheard}${place}CHANGE MASTER TO ${settings.join(', ')};\n`);
}

const Event = z.object({ database: z.string(), name: z.string(), definer: z.string() });

/**
 * Lets no event run that the primary runs: what it does there comes by replication. Returns how many there are. The
 * definer is said, because whoever alters an event becomes it otherwise.
 */
export async function silenceEvents(connection: Connection): Promise<number> {
  const events = await query(
    connection,
    `SELECT JSON_OBJECT('database', EVENT_SCHEMA, 'name', EVENT_NAME, 'definer', DEFINER) FROM information_schema.EVENTS
     WHERE STATUS = 'ENABLED'`,
    Event,
  );
  for (const { database, name, definer } of events) {
    const [, user = '', from = ''] = /^(.*)@(.*)$/s.exec(definer) ?? [];
    const event = `${quoteIdentifier(database)}.${quoteIdentifier(name)}`;
    await execute(
      connection,
      `ALTER DEFINER = ${quoteString(user)}@${quoteString(from)} EVENT ${event} DISABLE ON SLAVE`,
    );
  }
  return events.length;
}

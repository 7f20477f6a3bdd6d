import * as z from 'zod';
import { CoffreError } from '../model/error.ts';
import { type Clock, sleep, systemClock } from '../system/clock.ts';
import { execute, query } from './client.ts';
import { type Connection, describeServer } from './connection.ts';
import { describeSource, type ReplicaSource, readReplicaSources } from './replica-sources.ts';
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

/** What a primary says to a replica: https://mariadb.com/kb/en/mariadb-error-codes/ */
const REFUSALS: Readonly<Record<number, readonly [string, string]>> = {
  1045: [
    'the primary does not let the replication user in',
    'mend the password there, or here: CHANGE MASTER TO MASTER_PASSWORD = …',
  ],
  1130: ['the primary does not let this host in', "make the replication user there for this host's address"],
  1227: ['the replication user lacks REPLICATION SLAVE', 'run on the primary: GRANT REPLICATION SLAVE ON *.* TO …'],
  1236: [
    'the primary does not have the binary logs from there on any more, or has others',
    'restore a newer run; a primary should keep its logs for longer than the age of the oldest run: expire_logs_days',
  ],
  1593: [
    'the primary is another than it should be, such as this very server_id',
    'set another server_id here, and restart',
  ],
  1698: ['the primary does not let the replication user in', 'look at that account: SHOW CREATE USER'],
  2026: ['the TLS connection was refused', 'look at --primary-ca, and at the certificate of the primary'],
};

/** Not worth a second try. */
const FINAL = [1045, 1130, 1227, 1236, 1593, 1698, 2026];
const WAIT_MS = 30_000;

/**
 * Starts replication, and waits until it runs: connected, and applying. Throws `replica-broken`, with the reason by its
 * number, when it does not; everything stays as it is then, and START SLAVE tries again.
 */
export async function startFollowing(
  connection: Connection,
  { waitMs = WAIT_MS, clock = systemClock }: { readonly waitMs?: number; readonly clock?: Clock } = {},
): Promise<ReplicaSource> {
  await execute(connection, 'START SLAVE');
  const giveUpAt = clock.now().getTime() + waitMs;
  for (;;) {
    const [source] = await readReplicaSources(connection);
    if (!source)
      throw new CoffreError(
        'replica-broken',
        `cannot start replication of ${describeServer(connection)}: it follows nobody`,
      );
    if (source.receiving === 'yes' && source.applying) return source;
    const number = source.applyError || source.receiveError;
    if (source.applyError !== 0 || FINAL.includes(number) || clock.now().getTime() > giveUpAt)
      throw notRunning(source, number);
    await sleep(100);
  }
}

function notRunning(source: ReplicaSource, number: number): CoffreError {
  const known: readonly [string, string] | undefined = source.applyError === 0 ? REFUSALS[number] : undefined;
  const applied = `what the primary sends does not fit, error ${number}`;
  const why =
    known?.[0] ??
    (source.applyError === 0 ? `the primary cannot be reached${number === 0 ? '' : `, error ${number}`}` : applied);
  return new CoffreError(
    'replica-broken',
    `cannot follow ${describeSource(source)}: ${why}; all data is restored, and replication is set up`,
    {
      hint: `${known?.[1] ?? 'look at: SHOW SLAVE STATUS'}; then, on this server: START SLAVE;`,
    },
  );
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

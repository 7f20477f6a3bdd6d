import { CoffreError } from '../model/error.ts';
import { type Clock, sleep, systemClock } from '../system/clock.ts';
import { execute } from './client.ts';
import { type Connection, describeServer } from './connection.ts';
import { describeSource, type ReplicaSource, readReplicaSources } from './replica-sources.ts';

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
/** So long the connection to the primary may take, or be away. */
export const WAIT_MS = 30_000;

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
    const source = await readFollowing(connection);
    if (isRunning(source)) return source;
    assertMayRun(source, clock.now().getTime() > giveUpAt);
    await sleep(100);
  }
}

/** The one server that is followed. Throws `replica-broken` when there is none. */
export async function readFollowing(connection: Connection): Promise<ReplicaSource> {
  const [source] = await readReplicaSources(connection);
  if (source) return source;
  throw new CoffreError(
    'replica-broken',
    `cannot start replication of ${describeServer(connection)}: it follows nobody`,
  );
}

export function isRunning({ receiving, applying }: ReplicaSource): boolean {
  return receiving === 'yes' && applying;
}

/** Of replication that does not run: throws `replica-broken` where waiting does not mend it, or has been `tooLong`. */
export function assertMayRun(source: ReplicaSource, tooLong: boolean): void {
  const number = source.applyError || source.receiveError;
  if (source.applyError === 0 && !FINAL.includes(number) && !tooLong) return;
  const known: readonly [string, string] | undefined = source.applyError === 0 ? REFUSALS[number] : undefined;
  const applied = `what the primary sends does not fit, error ${number}`;
  const why =
    known?.[0] ??
    (source.applyError === 0 ? `the primary cannot be reached${number === 0 ? '' : `, error ${number}`}` : applied);
  throw new CoffreError(
    'replica-broken',
    `cannot follow ${describeSource(source)}: ${why}; all data is restored, and replication is set up`,
    {
      hint: `${known?.[1] ?? 'look at: SHOW SLAVE STATUS'}; then, on this server: START SLAVE;`,
    },
  );
}

import * as z from 'zod';
import type { Privilege } from '../model/account-order.ts';
import { asCoffreError, CoffreError } from '../model/error.ts';
import { barrierFor } from './barrier.ts';
import { execute, query, queryLines } from './client.ts';
import { type Connection, describeServer } from './connection.ts';
import type { ServerFacts } from './inspect-server.ts';
import { missingPrivileges, type PrivilegeWish, privilegesFor } from './privileges.ts';
import { readReplicaSources } from './replica-sources.ts';
import { quoteIdentifier } from './sql-text.ts';

/** Whether a privilege was seen at work. */
export type Proof =
  | { readonly kind: 'proven'; readonly privilege: Privilege; readonly by: string }
  | { readonly kind: 'unproven'; readonly privilege: Privilege; readonly why: string };

/** Throws `account-lacks-privilege` when the server refuses; returns what it did, or null with nothing to try it on. */
type Attempt = (connection: Connection, facts: Pick<ServerFacts, 'version'>) => Promise<string | null>;

const Found = z.object({ database: z.string(), name: z.string() });

/** What there is of a kind, the server's own first, because nobody has a reason to break those. */
const first = (from: string, database: string, name: string) =>
  `SELECT JSON_OBJECT('database', ${database}, 'name', ${name}) FROM ${from} ORDER BY ${database} <> 'sys', ${database}, ${name} LIMIT 1`;

const LACKING = new CoffreError('account-lacks-privilege', 'cannot see what is there: it is hidden');

const ATTEMPTS: Readonly<Record<Privilege, readonly Attempt[]>> = {
  SELECT: [
    async (connection) => {
      await execute(connection, 'SELECT 1 FROM mysql.global_priv LIMIT 1');
      return 'a row of mysql.global_priv was read';
    },
    async (connection) => {
      const [routine] = await query(connection, first('mysql.proc', 'db', 'name'), Found);
      if (!routine) return null;
      const hidden = await query(
        connection,
        "SELECT JSON_OBJECT('hidden', COUNT(*)) FROM information_schema.ROUTINES WHERE ROUTINE_BODY = 'SQL' AND ROUTINE_DEFINITION IS NULL",
        z.object({ hidden: z.int() }),
      );
      if (hidden[0]?.hidden !== 0) throw LACKING;
      return `the body of the routine ${nameOf(routine)} was read`;
    },
  ],
  'SHOW VIEW': [
    async (connection) => {
      const views = "information_schema.TABLES WHERE TABLE_TYPE = 'VIEW'";
      const [view] = await query(connection, first(views, 'TABLE_SCHEMA', 'TABLE_NAME'), Found);
      if (!view) return null;
      await execute(connection, `SHOW CREATE VIEW ${nameOf(view)}`);
      return `the definition of the view ${nameOf(view)} was read`;
    },
  ],
  TRIGGER: [
    async (connection) => {
      const triggers = 'information_schema.TRIGGERS';
      const [trigger] = await query(connection, first(triggers, 'TRIGGER_SCHEMA', 'TRIGGER_NAME'), Found);
      if (!trigger) return null;
      await execute(connection, `SHOW CREATE TRIGGER ${nameOf(trigger)}`);
      return `the trigger ${nameOf(trigger)} was read`;
    },
  ],
  EVENT: [
    async (connection) => {
      await execute(connection, 'SHOW EVENTS FROM mysql');
      return 'the events of a database were listed';
    },
  ],
  RELOAD: [
    async (connection, { version }) => {
      // Of FLUSH TABLES WITH READ LOCK no trial is worth its price: writers queue behind it.
      if (barrierFor(version) !== 'backup-stage') return null;
      await execute(connection, 'SET SESSION lock_wait_timeout = 10; BACKUP STAGE START; BACKUP STAGE END');
      return 'a backup stage was begun and ended';
    },
  ],
  PROCESS: [
    async (connection) => {
      const sql = "SELECT JSON_OBJECT('count', COUNT(*)) FROM information_schema.INNODB_SYS_TABLES";
      const [tables] = await query(connection, sql, z.object({ count: z.int() }));
      return `the tables that InnoDB knows were counted: ${tables?.count}`;
    },
  ],
  'SLAVE MONITOR': [
    async (connection) => {
      const { length } = await readReplicaSources(connection);
      return `the state of ${length} connections to a primary was read`;
    },
  ],
  // Of stopping what applies no trial is worth its price.
  'REPLICATION SLAVE ADMIN': [async () => null],
  'LOCK TABLES': [
    async (connection) => {
      await execute(connection, 'SET SESSION lock_wait_timeout = 10; LOCK TABLES mysql.help_topic READ; UNLOCK TABLES');
      return 'the table mysql.help_topic was locked for a moment';
    },
  ],
};

/**
 * Proves as the backup account itself that it can do what a dump does, by doing it once on what the server has; nothing
 * is made or changed there. What has nothing to be tried on is told as unproven. Throws `account-lacks-privilege` that
 * names all that was refused; anything else, such as `database-unreachable`, as it comes.
 */
export async function proveAccount(
  connection: Connection,
  facts: Pick<ServerFacts, 'version'>,
  wish: PrivilegeWish = {},
): Promise<readonly Proof[]> {
  const privileges = privilegesFor(wish);
  const proofs: Proof[] = [];
  // A view or a trigger that the account may not see looks as if there were none: then only its grants tell.
  const lacking: readonly string[] = missingPrivileges(await queryLines(connection, 'SHOW GRANTS'), privileges);
  const refused: Privilege[] = [];
  for (const privilege of privileges) {
    for (const attempt of ATTEMPTS[privilege]) {
      try {
        const by = await attempt(connection, facts);
        if (by === null && lacking.includes(privilege)) refused.push(privilege);
        else if (by === null) proofs.push({ kind: 'unproven', privilege, why: 'there is nothing to try it on' });
        else proofs.push({ kind: 'proven', privilege, by });
      } catch (error) {
        const { code } = asCoffreError(error);
        if (code === 'lock-timeout' && privilege === 'RELOAD') {
          proofs.push({ kind: 'unproven', privilege, why: 'another backup holds the server' });
        } else if (code !== 'account-lacks-privilege') throw error;
        else if (!refused.includes(privilege)) refused.push(privilege);
      }
    }
  }
  if (refused.length === 0) return proofs;
  throw new CoffreError(
    'account-lacks-privilege',
    `cannot back up ${describeServer(connection)}: the account was refused what needs ${refused.join(', ')}`,
    { hint: `look at: SHOW GRANTS; or provision the host again`, findings: refused },
  );
}

function nameOf({ database, name }: z.infer<typeof Found>): string {
  return `${quoteIdentifier(database)}.${quoteIdentifier(name)}`;
}

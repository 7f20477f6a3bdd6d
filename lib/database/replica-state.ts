import * as z from 'zod';
import { CoffreError } from '../model/error.ts';
import { type AccountId, accountName } from './account-name.ts';
import { query } from './client.ts';
import type { Connection } from './connection.ts';
import { readReplicaSources } from './replica-sources.ts';

/** What a server is to other servers. */
export interface ReplicaState {
  /** Whether it takes writes from nobody but replication and administrators. */
  readonly readOnly: boolean;
  /** Whom it follows: empty for a server that is no replica. */
  readonly primaries: readonly { readonly address: string; readonly port: number; readonly running: boolean }[];
}

/** `admin` needs SLAVE MONITOR, which every administrator has. */
export async function replicaState(admin: Connection): Promise<ReplicaState> {
  const setting = z.object({ readOnly: z.string() });
  // A number, or a word: newer servers have more than two kinds of it.
  const [row] = await query(admin, "SELECT JSON_OBJECT('readOnly', CAST(@@GLOBAL.read_only AS CHAR))", setting);
  const sources = await readReplicaSources(admin);
  return {
    readOnly: !['0', 'OFF'].includes(row?.readOnly ?? '0'),
    primaries: sources.map(({ address, port, receiving, applying }) => ({
      address,
      port,
      running: receiving === 'yes' && applying,
    })),
  };
}

/** The primaries of a replica, for a sentence. */
export function describePrimaries({ primaries }: ReplicaState): string {
  return primaries.map(({ address, port }) => `${address}:${port}`).join(', ');
}

/** The refusal of a read-only server: what is written there, the primary never gets to know. */
export async function readOnlyServer(admin: Connection, id: AccountId): Promise<CoffreError> {
  const primaries = describePrimaries(await replicaState(admin));
  return new CoffreError('refused', `cannot make or drop the account ${accountName(id)}: the server is read-only`, {
    hint: primaries
      ? `it follows ${primaries}: name the host of that server in database.replicaOf, and the account is made there`
      : "it follows no other server: look at SHOW VARIABLES LIKE 'read_only'",
  });
}

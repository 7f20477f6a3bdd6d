import { connectionOf } from '../database/connection.ts';
import { readServerVersion } from '../database/inspect-server.ts';
import { proveAccount } from '../database/prove-account.ts';
import type { ConvergeOrder } from '../model/converge-order.ts';

/**
 * Tries as the backup account what a dump does, once everything is in place. Throws `account-lacks-privilege`, or what
 * keeps the account out.
 */
export async function hostProofs({ slice, desired, accountOrder }: ConvergeOrder): Promise<readonly string[]> {
  if (desired !== 'present' || accountOrder) return [];
  const { database } = slice.host;
  const connection = connectionOf(database);
  const proofs = await proveAccount(connection, { version: await readServerVersion(connection) }, database);
  return proofs.map((proof) =>
    proof.kind === 'proven' ? `${proof.privilege}: ${proof.by}` : `${proof.privilege}: not proven, ${proof.why}`,
  );
}

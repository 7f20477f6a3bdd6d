import { asCoffreError, CoffreError } from '../model/error.ts';
import type { DatabaseName } from '../model/names.ts';
import { NamedError } from './client-failure.ts';
import { type Connection, describeServer } from './connection.ts';
import { describeDatabases } from './describe-databases.ts';

/**
 * What clients are told by a server that goes, and by one that has gone: it is shutting down, the connection broke or timed
 * out, nothing answers there, it went away.
 */
const GONE: readonly number[] = [1053, 1158, 1159, 2002, 2003, 2006, 2013];

/**
 * `error` of a dump of `databases`, or of whoever has asked the server beside it: when the server goes, several notice, in any
 * order, each in its own words. What an operator has to know is the same: what was being dumped, and that the server is gone.
 */
export function asServerGone(error: unknown, connection: Connection, databases: readonly DatabaseName[]): unknown {
  const { cause } = asCoffreError(error);
  if (!(cause instanceof NamedError && GONE.includes(cause.number)) || databases.length === 0) return error;
  return new CoffreError('database-unreachable', `cannot dump ${describeDatabases(databases)}: the server went away`, {
    hint: `look whether ${describeServer(connection)} is up: systemctl status mariadb`,
    cause: error,
  });
}

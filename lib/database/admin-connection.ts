import type { DatabaseConfig } from '../model/database-config.ts';
import { CoffreError } from '../model/error.ts';
import { processUser } from '../system/users.ts';
import { type Connection, connectionOf } from './connection.ts';

/**
 * The connection that may make accounts: the option file that the inventory names, or else the account by which the
 * server lets the user of this process in without a password, as it does for root on Debian. Throws `inventory` for
 * another machine's server without an option file: no password can come from here.
 */
export function adminConnection(config: DatabaseConfig): Connection {
  const { server } = connectionOf(config);
  if (config.admin) return { server, credentials: { kind: 'option-file', path: config.admin.optionFile } };
  const user = processUser();
  if (server.kind === 'socket' && user !== undefined) return { server, credentials: { kind: 'unix-socket', user } };
  throw new CoffreError('inventory', 'cannot make the backup account: nothing says who may', {
    hint: 'write user and password of an administrator into a file of mode 0600 on the host, and its path into database.admin.optionFile',
  });
}

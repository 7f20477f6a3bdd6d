import { type Connection, connectionOf } from '../database/connection.ts';
import { assertNamesServer } from '../database/option-file-server.ts';
import type { HostConfig } from '../model/inventory.ts';

/**
 * The server to restore into: that of the host, or the one at `socket`. The backup account cannot write, so it is
 * reached as whom `optionFile` says, or else the person's own option files. Throws `refused` for an option file that names
 * another server, unless `socket` says which one is meant.
 */
export async function restoreTarget(
  host: HostConfig,
  optionFile: string | undefined,
  socket: string | undefined,
): Promise<Connection> {
  const server =
    socket === undefined ? connectionOf(host.database).server : ({ kind: 'socket', path: socket } as const);
  const target: Connection = {
    server,
    credentials: optionFile === undefined ? { kind: 'own-defaults' } : { kind: 'option-file', path: optionFile },
  };
  if (socket === undefined) await assertNamesServer(target);
  return target;
}

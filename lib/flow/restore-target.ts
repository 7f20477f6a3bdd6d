import { type Connection, type Credentials, connectionOf } from '../database/connection.ts';
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
  if (socket !== undefined) return serverAt(socket, optionFile);
  const target: Connection = { server: connectionOf(host.database).server, credentials: credentialsOf(optionFile) };
  await assertNamesServer(target);
  return target;
}

/** The server at a socket, whoever's it is. */
export function serverAt(socket: string, optionFile: string | undefined): Connection {
  return { server: { kind: 'socket', path: socket }, credentials: credentialsOf(optionFile) };
}

function credentialsOf(optionFile: string | undefined): Credentials {
  return optionFile === undefined ? { kind: 'own-defaults' } : { kind: 'option-file', path: optionFile };
}

import { type Connection, connectionOf } from '../database/connection.ts';
import type { HostConfig } from '../model/inventory.ts';

/**
 * The server to restore into: that of the host, or the one at `socket`. The backup account cannot write, so it is
 * reached as whom `optionFile` says, or else the person's own option files.
 */
export function restoreTarget(
  host: HostConfig,
  optionFile: string | undefined,
  socket: string | undefined,
): Connection {
  const server =
    socket === undefined ? connectionOf(host.database).server : ({ kind: 'socket', path: socket } as const);
  return {
    server,
    credentials: optionFile === undefined ? { kind: 'own-defaults' } : { kind: 'option-file', path: optionFile },
  };
}

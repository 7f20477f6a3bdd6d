import { connect, type Socket } from 'node:net';

/**
 * A TCP connection that hands all that is written to it in one turn to the system in one call. ssh2 writes each packet
 * in three parts, of which two have a few bytes, and cuts a block of SFTP into eight packets: 24 calls, and with them, as
 * nothing is held back (`setNoDelay`), as many packets on the line and wake-ups of the server.
 */
export function connectGathered(port: number, address: string): Socket {
  const socket = connect(port, address);
  const write: (...args: Parameters<Socket['write']>) => boolean = socket.write.bind(socket);
  const gather = (...args: Parameters<Socket['write']>) => {
    if (socket.writableCorked === 0) {
      socket.cork();
      process.nextTick(() => socket.uncork());
    }
    return write(...args);
  };
  // Not before: connecting puts Node's own method back.
  return socket.prependOnceListener('connect', () => {
    socket.write = gather as Socket['write'];
  });
}

import { realpath } from 'node:fs/promises';
import { CoffreError } from '../model/error.ts';
import { quotePosix, run } from '../system/command.ts';
import { requireProgram } from '../system/programs.ts';
import { type Connection, clientArguments, describeServer } from './connection.ts';

/** The server that an option file names for MariaDB's client, as far as it does. */
export interface NamedServer {
  readonly host?: string;
  readonly port?: string;
  readonly socket?: string;
  readonly protocol?: string;
}

const NO_VALUE = '(No default value)';
const DEFAULT_PORT = 3306;

/**
 * Refuses an option file that names another server than `connection`, which is where everything goes: whoever wrote a socket
 * or a host into that file thinks of that one. A file that names none fits any. Throws `refused`.
 */
export async function assertNamesServer(connection: Connection): Promise<void> {
  if (connection.credentials.kind !== 'option-file') return;
  const { path } = connection.credentials;
  const other = await otherServer(await readNamedServer(connection, path), connection);
  if (other === undefined) return;
  throw new CoffreError(
    'refused',
    `cannot tell which server is meant: the option file ${path} names ${other}, and it would be ${describeServer(connection)}`,
    { hint: 'name the server: --socket PATH; or take its lines out of the option file' },
  );
}

/**
 * The client itself says what it would take, with all that the file includes. By its `--help`: `--print-defaults` prints the
 * password as it is (as of 10.11), and all options on one line, where a password can look like another option.
 */
async function readNamedServer(connection: Connection, path: string): Promise<NamedServer> {
  await clientArguments(connection); // throws where others can read the file, or there is none
  const { exitCode, stdout } = await run(requireProgram('mariadb'), [`--defaults-file=${path}`, '--help']);
  const named = exitCode === 0 ? parseVariables(stdout) : undefined;
  if (named) return named;
  throw new CoffreError('usage', `cannot tell which server the option file ${path} names: the client does not say`, {
    hint: `name the server: --socket PATH; or look at: mariadb --defaults-file=${quotePosix(path)} --help`,
  });
}

/** The table at the end of the client's help; undefined where there is none. What has no value there is left out. */
export function parseVariables(help: string): NamedServer | undefined {
  const [, table] = help.split(/^.*Value \(after reading options\)$/m);
  if (table === undefined) return undefined;
  const given = (name: string) => {
    const value = new RegExp(`^${name} +(.*)$`, 'm').exec(table)?.[1]?.trim();
    return value === undefined || value === '' || value === NO_VALUE || (name === 'port' && value === '0')
      ? {}
      : { [name]: value };
  };
  return Object.assign({}, ...['host', 'port', 'socket', 'protocol'].map(given)) as NamedServer;
}

/** What the file names where that is another server, for a sentence. */
async function otherServer(
  { host, port, socket, protocol }: NamedServer,
  { server }: Connection,
): Promise<string | undefined> {
  const isLocal = host === undefined || host === 'localhost';
  if (server.kind === 'socket') {
    if (!isLocal) return `the host ${host}`;
    if (protocol?.toLowerCase() === 'tcp') return `the port ${port ?? DEFAULT_PORT} (protocol = tcp)`;
    if (socket !== undefined) return (await isSameFile(socket, server.path)) ? undefined : `the socket ${socket}`;
    return port === undefined || Number(port) === DEFAULT_PORT ? undefined : `the port ${port}`;
  }
  const address = server.kind === 'loopback' ? '127.0.0.1' : server.address;
  if (host !== undefined && host !== address) return `the host ${host}`;
  if (host === undefined && socket !== undefined) return `the socket ${socket}`;
  return port === undefined || Number(port) === server.port ? undefined : `the port ${port}`;
}

async function isSameFile(one: string, other: string): Promise<boolean> {
  const real = (path: string) => realpath(path).catch(() => path);
  return one === other || (await real(one)) === (await real(other));
}

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
}

const OPTIONS = ['host', 'port', 'socket'] as const;
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

/** The program itself says what it reads out of the file, with all that the file includes; the password comes as stars. */
async function readNamedServer(connection: Connection, path: string): Promise<NamedServer> {
  await clientArguments(connection); // throws where others can read the file, or there is none
  const { exitCode, stdout } = await run(requireProgram('mariadb'), [`--defaults-file=${path}`, '--print-defaults']);
  if (exitCode === 0) return parseDefaults(stdout);
  throw new CoffreError('usage', `cannot read the option file ${path}: the mariadb client does not take it`, {
    hint: `run: mariadb --defaults-file=${quotePosix(path)} --print-defaults`,
  });
}

/** The options of the last line, one behind another: `--user=root --socket=/run/my socket`. The last of a kind counts. */
export function parseDefaults(text: string): NamedServer {
  const line = ` ${text.trimEnd().split('\n').at(-1) ?? ''}`;
  const options = line.split(/ (?=--[a-z])/).slice(1);
  const found: Record<string, string> = {};
  for (const option of options) {
    const [, name = '', value = ''] = /^--([a-z-]+)=(.*)$/s.exec(option.trimEnd()) ?? [];
    if ((OPTIONS as readonly string[]).includes(name)) found[name] = value;
  }
  return found;
}

/** What the file names where that is another server, for a sentence. */
async function otherServer(
  { host, port, socket }: NamedServer,
  { server }: Connection,
): Promise<string | undefined> {
  const isLocal = host === undefined || host === '' || host === 'localhost';
  if (server.kind === 'socket') {
    if (!isLocal) return `the host ${host}`;
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

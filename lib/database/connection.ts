import { stat } from 'node:fs/promises';
import type { DatabaseConfig } from '../model/database-config.ts';
import { CoffreError, errnoOf } from '../model/error.ts';
import type { SystemUser } from '../system/command.ts';
import { findSystemUser, processUser } from '../system/users.ts';

/** Where the password comes from. There is no way to hand one over in an argument or in the environment. */
export type Credentials =
  | { readonly kind: 'option-file'; readonly path: string }
  /** What the operator's own option files say: a restore by hand. */
  | { readonly kind: 'own-defaults' }
  /** An account without a password: a throwaway server. */
  | { readonly kind: 'no-password'; readonly user: string }
  /** The account of that name, which the server gives to the system user of that name: the programs run as that one. */
  | { readonly kind: 'unix-socket'; readonly user: string };

export type ServerAddress =
  | { readonly kind: 'socket'; readonly path: string }
  | { readonly kind: 'tls'; readonly address: string; readonly port: number; readonly ca: string }
  /** Loopback of a throwaway server only: nothing protects the bytes on their way. */
  | { readonly kind: 'loopback'; readonly port: number };

/** How a server is reached, and as whom. */
export interface Connection {
  readonly server: ServerAddress;
  readonly credentials: Credentials;
  /** Whether what is done there stays out of the server's own binary log; the account needs BINLOG ADMIN. */
  readonly unlogged?: boolean;
  /** Whether the server's binary log takes rows where it cannot take the statement; the account needs BINLOG ADMIN. */
  readonly mixedLog?: boolean;
}

/** The connection of the backup account of a host. */
export function connectionOf(config: DatabaseConfig): Connection {
  const { account, optionFile } = config;
  const credentials: Credentials =
    account.login === 'unix_socket'
      ? { kind: 'unix-socket', user: account.user }
      : { kind: 'option-file', path: optionFile };
  if ('socket' in config) return { server: { kind: 'socket', path: config.socket }, credentials };
  const { address, port, tls } = config;
  return { server: { kind: 'tls', address, port, ca: tls.ca }, credentials };
}

/** The server of a connection, for a sentence. */
export function describeServer({ server }: Connection): string {
  switch (server.kind) {
    case 'socket':
      return `the database at ${server.path}`;
    case 'tls':
      return `the database at ${server.address}:${server.port}`;
    case 'loopback':
      return `the database at 127.0.0.1:${server.port}`;
  }
}

/**
 * The first arguments of any of MariaDB's client programs. Looks at the option file first, because the programs
 * themselves go on, without the password and with a warning only, when others can write it.
 * Throws `refused` when others can read the option file, `not-found` when there is none.
 */
export async function clientArguments({ server, credentials }: Connection): Promise<string[]> {
  if (credentials.kind === 'option-file') await assertPrivate(credentials.path);
  return [...credentialArguments(credentials), ...serverArguments(server)];
}

/**
 * The system user whom any of MariaDB's client programs has to run as; undefined for that of this process. Throws
 * `refused` when this process may not become that user, `not-found` when there is none.
 */
export async function clientUser({ credentials }: Connection): Promise<SystemUser | undefined> {
  if (credentials.kind !== 'unix-socket' || credentials.user === processUser()) return undefined;
  const { user } = credentials;
  if (process.geteuid?.() !== 0) {
    throw new CoffreError('refused', `cannot ask the database as the system user ${user}: only root becomes another`, {
      hint: `run it as root, or as ${user}: sudo -u ${user} …`,
    });
  }
  const found = await findSystemUser(user);
  if (found) return found;
  throw new CoffreError('not-found', `cannot ask the database as the system user ${user}: there is no such user`, {
    hint: `provision the host, or run: useradd --system --no-create-home --shell /usr/sbin/nologin --user-group ${user}`,
  });
}

/** The argument by which a client program sets `settings` for its session, and what the connection asks for besides. */
export function sessionSettings({ unlogged, mixedLog }: Connection, settings: string): string {
  const log = `${unlogged ? ', sql_log_bin=0' : ''}${mixedLog ? ', binlog_format=MIXED' : ''}`;
  return `--init-command=SET SESSION ${settings}${log}`;
}

function credentialArguments(credentials: Credentials): string[] {
  switch (credentials.kind) {
    case 'option-file':
      return [`--defaults-file=${credentials.path}`];
    case 'own-defaults':
      return [];
    case 'no-password':
    case 'unix-socket':
      return ['--no-defaults', `--user=${credentials.user}`];
  }
}

function serverArguments(server: ServerAddress): string[] {
  switch (server.kind) {
    case 'socket':
      return ['--protocol=socket', `--socket=${server.path}`];
    case 'tls':
      return [
        '--protocol=tcp',
        `--host=${server.address}`,
        `--port=${server.port}`,
        `--ssl-ca=${server.ca}`,
        '--ssl-verify-server-cert',
      ];
    case 'loopback':
      return ['--protocol=tcp', '--host=127.0.0.1', `--port=${server.port}`];
  }
}

const READABLE_BY_OTHERS = 0o077;

async function assertPrivate(path: string): Promise<void> {
  const found = await stat(path).catch((error: unknown) => {
    const errno = errnoOf(error);
    if (errno === 'ENOENT') {
      throw new CoffreError('not-found', `cannot read the option file ${path}: there is no such file`, {
        hint: `write [client], user= and password= into ${path}, quoted, with mode 0600`,
      });
    }
    throw new CoffreError('refused', `cannot look at the option file ${path}: ${errno ?? 'unknown error'}`, {
      hint: `look at: ls -l ${path}`,
    });
  });
  if ((found.mode & READABLE_BY_OTHERS) === 0) return;
  throw new CoffreError('refused', `cannot use the option file ${path}: others than its owner can open it`, {
    hint: `run: chmod 0600 ${path}`,
  });
}

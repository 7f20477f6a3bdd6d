import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { asCoffreError, CoffreError } from '../model/error.ts';
import { sleep } from '../system/clock.ts';
import { run, startDetached } from '../system/command.ts';
import { exists } from '../system/files.ts';
import { requireProgram } from '../system/programs.ts';
import { execute } from './client.ts';
import type { Connection } from './connection.ts';
import { isRunning, type ServerProcess, stopServer } from './stop-server.ts';

export interface ThrowawayServerOptions {
  /** Made if absent; takes the data directory and the log. */
  readonly folder: string;
  readonly logBin?: boolean;
  /** Listens on 127.0.0.1 too, at a free port. */
  readonly network?: boolean;
  /** More options for mariadbd. */
  readonly extra?: readonly string[];
}

/** A server of its own that nothing else uses: for the quickstart, for drills, for tests. */
export interface ThrowawayServer {
  readonly folder: string;
  readonly socket: string;
  readonly port: number | null;
  readonly pid: number;
  /** As root, without a password. */
  readonly root: Connection;
  /** Ends it and leaves its folder. */
  stop(): Promise<void>;
}

/** A unix socket's path has 108 bytes with its final NUL. */
const SOCKET_PATH_LIMIT = 107;
const START_LIMIT_MS = 60_000;
const PORT_TRIES = 3;

/** Nothing here has to survive a power cut, and a scratch copy's events must not run. */
const RELAXED = [
  '--innodb-flush-log-at-trx-commit=0',
  '--innodb-flush-method=nosync',
  '--innodb-doublewrite=0',
  '--skip-sync-frm',
  '--innodb-log-file-size=64M',
  '--innodb-buffer-pool-size=64M',
  '--max-allowed-packet=1G',
  '--event-scheduler=OFF',
];

/**
 * Makes a data directory and starts a MariaDB on it, reading no option file of the machine. It outlives the process
 * that started it. A data directory that is already there is used again.
 * Throws `program-missing`, or `database-unreachable` when it does not come up; the log says why.
 */
export async function startThrowawayServer(options: ThrowawayServerOptions): Promise<ThrowawayServer> {
  const { folder } = options;
  const data = join(folder, 'data');
  const log = join(folder, 'mariadbd.log');
  const program = requireProgram('mariadbd');
  // A starting server clears away what it takes for leftovers in its folder for temporary tables: in a shared one,
  // such as /tmp, that would be the tables of another server at work.
  const temporary = join(folder, 'tmp');
  await mkdir(temporary, { recursive: true, mode: 0o700 });
  const common = ['--no-defaults', ...asUser(), `--datadir=${data}`, `--tmpdir=${temporary}`];
  await install(data, common, log);
  const start = async (port: number | null): Promise<ThrowawayServer> => {
    const socket = await socketPath(folder);
    const pid = await startDetached(
      program,
      [
        ...common,
        `--socket=${socket}`,
        `--pid-file=${join(folder, 'mariadbd.pid')}`,
        ...(port === null ? ['--skip-networking'] : ['--bind-address=127.0.0.1', `--port=${port}`]),
        ...(options.logBin ? ['--log-bin=binlog', '--server-id=1'] : ['--skip-log-bin']),
        ...RELAXED,
        ...(options.extra ?? []),
      ],
      log,
    );
    const root: Connection = {
      server: { kind: 'socket', path: socket },
      credentials: { kind: 'no-password', user: 'root' },
    };
    const stop = async () => {
      await stopServer({ pid, data });
      if (dirname(socket) !== folder) await rm(dirname(socket), { recursive: true, force: true });
    };
    try {
      await untilReady(root, { pid, data }, log);
    } catch (error) {
      await stop();
      throw error;
    }
    return { folder, socket, port, pid, root, stop };
  };
  if (!options.network) return await start(null);
  for (let tries = 1; ; tries += 1) {
    try {
      return await start(await freePort());
    } catch (error) {
      if (tries === PORT_TRIES) throw error; // another process may have taken the port in between
    }
  }
}

async function install(data: string, common: readonly string[], log: string): Promise<void> {
  if (await exists(join(data, 'ibdata1'))) return;
  const program = requireProgram('mariadb-install-db');
  const args = ['--auth-root-authentication-method=normal', '--skip-test-db', '--innodb-log-file-size=64M'];
  const { exitCode, stdout, stderr } = await run(program, [...common, ...args]);
  if (exitCode === 0) return;
  await writeFile(log, `${stdout}${stderr}`, { mode: 0o600 });
  throw new CoffreError('database-unreachable', `cannot make a data directory in ${data}: exit code ${exitCode}`, {
    hint: `look at: tail ${log}`,
  });
}

/** mariadbd refuses to run as root unless told so. */
function asUser(): string[] {
  return process.getuid?.() === 0 ? ['--user=root'] : [];
}

async function socketPath(folder: string): Promise<string> {
  const near = join(folder, 'mariadbd.sock');
  if (Buffer.byteLength(near) <= SOCKET_PATH_LIMIT) return near;
  return join(await mkdtemp(join(tmpdir(), 'coffre-')), 'mariadbd.sock');
}

async function freePort(): Promise<number> {
  const probe = createServer();
  const port = await new Promise<number>((resolve, reject) => {
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      resolve(typeof address === 'object' && address ? address.port : 0);
    });
  });
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

async function untilReady(root: Connection, server: ServerProcess, log: string): Promise<void> {
  const giveUpAt = Date.now() + START_LIMIT_MS;
  for (;;) {
    try {
      return await execute(root, 'DO 0');
    } catch (error) {
      if (asCoffreError(error).code !== 'database-unreachable') throw error;
      if (Date.now() < giveUpAt && (await isRunning(server))) await sleep(50);
      else
        throw new CoffreError('database-unreachable', 'cannot start mariadbd', {
          hint: `look at: tail ${log}`,
          cause: error,
        });
    }
  }
}

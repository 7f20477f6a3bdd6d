import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Connection } from '../database/connection.ts';
import { readServerVersion } from '../database/inspect-server.ts';
import { stopServersOn } from '../database/leftover-servers.ts';
import { loadSql } from '../database/load-sql.ts';
import { startThrowawayServer } from '../database/throwaway-server.ts';
import type { DrillerConfig } from '../model/driller-config.ts';
import { CoffreError } from '../model/error.ts';
import type { Manifest } from '../model/manifest.ts';
import { freeBytes } from '../storage/store-guard.ts';
import { exists, makeFolder, removeDurably } from '../system/files.ts';
import { requireProgram } from '../system/programs.ts';

type Scratch = Pick<DrillerConfig, 'folder' | 'bufferPoolMegabytes'>;

/** An empty server has some 150 MB with its redo log; the rest is for its temporary tables. */
const SERVER_BYTES = 384 * 1024 ** 2;
/** InnoDB's pages, secondary keys and undo logs take more than the SQL that fills them. */
const FACTOR = 2;

/** The server that one drill restores into, as somebody whom the accounts of the backup do not lock out. */
export interface ScratchServer {
  readonly version: string;
  readonly target: Connection;
}

const folderOf = ({ folder }: Pick<Scratch, 'folder'>) => join(folder, 'server');

/**
 * Throws `program-missing` where this machine has no server, and `no-space` when the run would not fit: before anything is
 * read of it.
 */
export async function assertRoom(scratch: Scratch, { archives }: Manifest): Promise<void> {
  for (const program of ['mariadbd', 'mariadb-install-db', 'mariadb', 'mariadb-dump'] as const) requireProgram(program);
  await makeFolder(scratch.folder, 0o700);
  const plainBytes = archives.reduce((sum, archive) => sum + archive.plainBytes, 0);
  const neededBytes = SERVER_BYTES + FACTOR * plainBytes;
  const free = await freeBytes(scratch.folder);
  if (free >= neededBytes) return;
  const inMegabytes = (bytes: number) => `${Math.ceil(bytes / 1024 ** 2)} MiB`;
  throw new CoffreError(
    'no-space',
    `cannot drill in ${scratch.folder}: ${inMegabytes(neededBytes)} are needed, and ${inMegabytes(free)} are free`,
    { hint: `free space there, or name another folder in drillers/*.yaml: df -h ${scratch.folder}` },
  );
}

/** Starts the server in an empty folder. It is to be taken away by `clearScratch`, also when this throws. */
export async function startScratch(scratch: Scratch): Promise<ScratchServer> {
  await makeFolder(folderOf(scratch), 0o700);
  const server = await startThrowawayServer({
    folder: folderOf(scratch),
    extra: [`--innodb-buffer-pool-size=${scratch.bufferPoolMegabytes}M`],
  });
  // The run brings its own root, with a password that nobody here has. Whoever gives root back its rights has to have them.
  const user = `coffre_drill_${randomBytes(6).toString('hex')}`;
  const account = `'${user}'@'localhost'`;
  const proxy = `GRANT PROXY ON ''@'%' TO ${account} WITH GRANT OPTION`;
  await loadSql(server.root, `CREATE USER ${account}; GRANT ALL ON *.* TO ${account} WITH GRANT OPTION; ${proxy};`);
  return {
    version: await readServerVersion(server.root),
    target: { ...server.root, credentials: { kind: 'no-password', user } },
  };
}

/** Ends the server of a drill and removes all that it has written, whoever started it. Returns whether anything was left. */
export async function clearScratch(scratch: Pick<Scratch, 'folder'>): Promise<boolean> {
  const folder = folderOf(scratch);
  const ended = await stopServersOn(join(folder, 'data'));
  if (ended === 0 && !(await exists(folder))) return false;
  await removeDurably(folder);
  return true;
}

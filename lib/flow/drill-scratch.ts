import { randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Connection } from '../database/connection.ts';
import { readServerVersion } from '../database/inspect-server.ts';
import { stopServersOn } from '../database/leftover-servers.ts';
import { loadSql } from '../database/load-sql.ts';
import { startThrowawayServer } from '../database/throwaway-server.ts';
import type { DrillerConfig } from '../model/driller-config.ts';
import { CoffreError } from '../model/error.ts';
import type { Manifest } from '../model/manifest.ts';
import { freeBytes } from '../storage/store-guard.ts';
import { explained } from '../system/explained.ts';
import { exists, makeFolder, removeDurably, writeDurably } from '../system/files.ts';
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

/** In the folder of the server from before the first of its files on: what has it was made by a drill, and may go. */
const MARK = '.coffre-drill';

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
  await writeDurably(join(folderOf(scratch), MARK), '', 0o600);
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

/**
 * Ends the server of a drill and removes all that it has written, whoever started it. Returns whether anything was left. Throws
 * `refused` for a folder that no drill has made: the folder in the inventory may be that of somebody else.
 */
export async function clearScratch(scratch: Pick<Scratch, 'folder'>): Promise<boolean> {
  const folder = folderOf(scratch);
  await assertOurs(folder);
  const ended = await stopServersOn(join(folder, 'data'));
  if (!(await exists(folder))) return ended > 0;
  // Its mark goes last: what a kill leaves is still known as that of a drill.
  for (const name of await readdir(folder)) if (name !== MARK) await removeDurably(join(folder, name));
  await removeDurably(folder);
  return true;
}

/** An empty one may be left of a drill that was killed before its mark was there. */
async function assertOurs(folder: string): Promise<void> {
  if (!(await exists(folder)) || (await exists(join(folder, MARK)))) return;
  const names = await readdir(folder).catch((error: unknown) => Promise.reject(explained('read', folder, error)));
  if (names.length === 0) return;
  throw new CoffreError('refused', `cannot drill in ${dirname(folder)}: no drill has made what is in ${folder}`, {
    hint: 'name a folder for drills alone in drillers/*.yaml; or, if it is left of a drill by an earlier coffre, remove it',
  });
}

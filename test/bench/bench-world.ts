import { randomBytes } from 'node:crypto';
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { extract } from 'tar';
import { loadSql } from '../../lib/database/load-sql.ts';
import { type EmbeddedWorld, startEmbeddedWorld } from '../../lib/flow/embedded-world.ts';
import { buildRelease } from '../../lib/host/release/build-release.ts';
import { startThrowawaySshd, type ThrowawaySshd } from '../../lib/host/throwaway-sshd.ts';
import type { HostConfig } from '../../lib/model/inventory.ts';
import { start } from '../../lib/system/command.ts';
import { makeFolder, writeDurably } from '../../lib/system/files.ts';
import { benchmarkSql, databasesOf, type Shape } from './data.ts';

/** A world with data in it, and all that coffre and its peers need to back it up. */
export interface BenchWorld {
  readonly world: EmbeddedWorld;
  readonly host: HostConfig;
  readonly shape: Shape;
  /** Size of the SQL that mariadb-dump writes for the databases. */
  readonly dumpedBytes: number;
  readonly databases: readonly string[];
  /** coffre as hosts have it: the launcher of an unpacked release, outside of the project. */
  readonly agent: string;
  readonly places: PeerPlaces;
  stop(): Promise<void>;
}

/** What a peer gets. No secret: the files that hold one are private. */
export interface PeerPlaces {
  /** A folder on the host, and one at the far end: the result of a peer is in one of them. Neither is there yet. */
  readonly work: string;
  readonly target: string;
  /** Two hosts for ssh: `offsite` with the fastest cipher, `plain` with ssh's own choice. */
  readonly sshConfig: string;
  readonly passphraseFile: string;
  /** The passphrase of the company's private key. */
  readonly keyPassphraseFile: string;
}

export interface BenchWorldOptions {
  readonly folder: string;
  readonly shape: Shape;
  readonly bytes: number;
  /** Whether coffre's contractor offers commands too, by which the copy is hashed over there instead of read back. */
  readonly shell: boolean;
  /** Keys of the recipients that are there already; new ones are made if absent. */
  readonly keys?: Parameters<typeof startEmbeddedWorld>[0]['keys'];
}

/** Starts the embedded world in `folder` and fills it. Dumping once to count the bytes warms the page cache too. */
export async function startBenchWorld({ folder, shape, bytes, shell, keys }: BenchWorldOptions): Promise<BenchWorld> {
  const world = await startEmbeddedWorld({ folder, shell, ...(keys ? { keys } : {}) });
  let sshd: ThrowawaySshd | undefined;
  const stop = async () => {
    await sshd?.stop();
    await world.stop();
  };
  try {
    // The peers' sshd is another process of the same kind as the contractor's, which may offer SFTP only.
    sshd = await startThrowawaySshd({ folder: join(folder, 'offsite/peers-sshd'), sftpOnly: false });
    const host = await world.host();
    const agent = await unpackRelease(join(folder, 'opt'));
    const places = await preparePlaces(world, sshd);
    await loadSql(world.server.root, benchmarkSql(shape, bytes), 'the data of the benchmark');
    const databases = databasesOf(shape);
    const dumpedBytes = await dumpedSize(host, databases);
    return { world, host, shape, dumpedBytes, databases, agent, places, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function unpackRelease(folder: string): Promise<string> {
  const arch = process.arch === 'arm64' ? 'arm64' : 'x64';
  const verbs = ['backup', 'converge', 'keys', 'list', 'restore', 'validate'];
  const { path } = await buildRelease({ verbs, arch, runtime: false });
  await makeFolder(folder);
  await extract({ file: path, cwd: folder });
  // As installing it on a host does: the launcher has no need to look for a Node.
  await symlink(process.execPath, join(folder, 'node'));
  return join(folder, 'coffre');
}

async function preparePlaces(world: EmbeddedWorld, sshd: ThrowawaySshd): Promise<PeerPlaces> {
  const at = (...names: string[]) => join(world.folder, 'peers', ...names);
  await makeFolder(at(), 0o700);
  await writeDurably(at('known_hosts'), `[127.0.0.1]:${sshd.port} ${sshd.hostKey}\n`);
  const common = `  HostName 127.0.0.1
  Port ${sshd.port}
  User ${sshd.user}
  IdentityFile "${sshd.identityPath}"
  IdentitiesOnly yes
  UserKnownHostsFile "${at('known_hosts')}"
  StrictHostKeyChecking yes
  BatchMode yes
  LogLevel ERROR
`;
  await writeDurably(
    at('ssh_config'),
    `Host offsite\n${common}  Ciphers aes128-gcm@openssh.com\nHost plain\n${common}`,
  );
  await writeDurably(at('passphrase'), `${randomBytes(32).toString('hex')}\n`, 0o600);
  await writeDurably(at('key-passphrase'), `${world.keys.passphrase}\n`, 0o600);
  return {
    work: at('work'),
    target: join(world.folder, 'offsite/peers'),
    sshConfig: at('ssh_config'),
    passphraseFile: at('passphrase'),
    keyPassphraseFile: at('key-passphrase'),
  };
}

async function dumpedSize({ database }: HostConfig, databases: readonly string[]): Promise<number> {
  const socket = 'socket' in database ? database.socket : '';
  const args = [`--defaults-file=${database.optionFile}`, `--socket=${socket}`, '--single-transaction', '--databases'];
  const dump = start('mariadb-dump', [...args, ...databases]);
  let bytes = 0;
  for await (const chunk of dump.stdout) bytes += (chunk as Buffer).length;
  const { exitCode, stderr } = await dump.ended;
  if (exitCode !== 0) throw new Error(`cannot dump ${databases.join(', ')}: ${stderr}`);
  return bytes;
}

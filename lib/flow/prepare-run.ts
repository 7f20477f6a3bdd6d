import { type Compressor, chooseCompressor } from '../archive/compressor.ts';
import { type Connection, connectionOf } from '../database/connection.ts';
import { inspectServer, type ServerFacts } from '../database/inspect-server.ts';
import { assertFollowing } from '../database/replica-health.ts';
import type { ReplicaSource } from '../database/replica-sources.ts';
import type { HostConfig, Inventory } from '../model/inventory.ts';
import type { RunId } from '../model/run-id.ts';
import { ITERATIONS } from '../seal/cipher.ts';
import { ensureNamesKey, type NamesKey } from '../seal/names-key.ts';
import { Passphrase } from '../seal/passphrase.ts';
import { Pace } from '../system/pace.ts';
import { requireProgram } from '../system/programs.ts';
import { assertCanSign } from './assert-can-sign.ts';
import type { Draft } from './journal.ts';
import { type WrappedKey, wrapForRecipients } from './recipients.ts';

/** Everything that a run needs, looked at before anything is locked or written. */
export interface PreparedRun {
  readonly host: HostConfig;
  readonly run: RunId;
  readonly connection: Connection;
  readonly server: ServerFacts;
  /** Whom the server follows; none for one that is no replica. */
  readonly sources: readonly ReplicaSource[];
  readonly compressor: Compressor;
  /** How fast all dumps together are read; undefined where there is no limit. */
  readonly dumpPace: Pace | undefined;
  readonly passphrase: Passphrase;
  readonly wrapped: readonly WrappedKey[];
  /** Hashes the names that are published; null where they are published as they are. */
  readonly namesKey: NamesKey | null;
}

/** Throws what stands in the way, before the run has cost anything. Adds to the draft what is known now. */
export async function prepareRun(
  host: HostConfig,
  inventory: Inventory,
  run: RunId,
  draft: Draft,
): Promise<{ readonly prepared: PreparedRun; readonly draft: Draft }> {
  for (const program of ['mariadb', 'mariadb-dump', 'git', 'ssh-keygen'] as const) requireProgram(program);
  await assertCanSign(host, inventory);
  const passphrase = Passphrase.random();
  const wrapped = await wrapForRecipients(host, inventory, passphrase);
  const namesKey = host.names === 'hashed' ? await ensureNamesKey(host.settings.path) : null;
  const compressor = await chooseCompressor(host.compression.program, host.compression.level);
  const connection = connectionOf(host.database);
  const sources = await assertFollowing(connection, host.database);
  const server = await inspectServer(connection, host.database);
  const sealing = { passphrase, wrapped, namesKey };
  return {
    prepared: { host, run, connection, server, sources, compressor, dumpPace: dumpPaceOf(host), ...sealing },
    draft: {
      ...draft,
      software: { ...draft.software, compressor: compressor.version },
      server: { version: server.version, replication: null },
      encryption: { cipher: 'aes-256-cbc', kdf: 'pbkdf2-sha256', iterations: ITERATIONS, wrap: 'rsa-oaep-sha256' },
      recipients: wrapped.map(({ record }) => record),
    },
  };
}

/**
 * A server drops the connection of a dump that is not read for `net_write_timeout` (60 s). A second for each piece lets
 * every dump have some 50 KB a second at least, which empties the buffers between the two within a few seconds.
 */
const LONGEST_WAIT_MS = 1000;

function dumpPaceOf({ limits: { dumpBytesPerSecond: bytesPerSecond } }: HostConfig): Pace | undefined {
  if (bytesPerSecond === undefined) return undefined;
  return new Pace({ bytesPerSecond, longestWaitMs: LONGEST_WAIT_MS });
}

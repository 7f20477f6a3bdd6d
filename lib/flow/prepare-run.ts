import { type Compressor, chooseCompressor } from '../archive/compressor.ts';
import { readSigningKey } from '../audit/signing-key.ts';
import { type Connection, connectionOf } from '../database/connection.ts';
import { inspectServer, type ServerFacts } from '../database/inspect-server.ts';
import { parseAllowedSigners } from '../model/allowed-signers.ts';
import { CoffreError } from '../model/error.ts';
import type { HostConfig, Inventory } from '../model/inventory.ts';
import type { RunId } from '../model/run-id.ts';
import { ITERATIONS } from '../seal/cipher.ts';
import { Passphrase } from '../seal/passphrase.ts';
import { requireProgram } from '../system/programs.ts';
import type { Draft } from './journal.ts';
import { type WrappedKey, wrapForRecipients } from './recipients.ts';

/** Everything that a run needs, looked at before anything is locked or written. */
export interface PreparedRun {
  readonly host: HostConfig;
  readonly run: RunId;
  readonly connection: Connection;
  readonly server: ServerFacts;
  readonly compressor: Compressor;
  readonly passphrase: Passphrase;
  readonly wrapped: readonly WrappedKey[];
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
  const compressor = await chooseCompressor(host.compression.program);
  const connection = connectionOf(host.database);
  const server = await inspectServer(connection, host.database);
  return {
    prepared: { host, run, connection, server, compressor, passphrase, wrapped },
    draft: {
      ...draft,
      software: { ...draft.software, compressor: compressor.version },
      server: { version: server.version },
      encryption: { cipher: 'aes-256-cbc', kdf: 'pbkdf2-sha256', iterations: ITERATIONS, wrap: 'rsa-oaep-sha256' },
      recipients: wrapped.map(({ record }) => record),
    },
  };
}

/** A run whose manifest nobody accepts could not be restored from with trust: better known before than after. */
async function assertCanSign(host: HostConfig, { allowedSigners, folder }: Inventory): Promise<void> {
  const publicKey = await readSigningKey(host.state.path, host.name);
  const { signers } = parseAllowedSigners(allowedSigners);
  if (signers.some((signer) => signer.host === host.name && signer.publicKey === publicKey)) return;
  throw new CoffreError(
    'refused',
    `cannot sign for ${host.name}: the inventory ${folder} does not name its signing key`,
    {
      hint: `let it sign: npx zx tasks/keys.ts signer ${host.name}; then commit signers/allowed_signers`,
    },
  );
}

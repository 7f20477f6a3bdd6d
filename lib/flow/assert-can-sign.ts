import { readSigningKey } from '../audit/signing-key.ts';
import { parseAllowedSigners } from '../model/allowed-signers.ts';
import { CoffreError } from '../model/error.ts';
import type { HostConfig, Inventory } from '../model/inventory.ts';

/**
 * A record that nobody accepts would be worth nothing: better known before than after. Throws `refused` where the signing key
 * of the host is not here, or is not the one that the inventory names.
 */
export async function assertCanSign(host: HostConfig, { allowedSigners, folder }: Inventory): Promise<void> {
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

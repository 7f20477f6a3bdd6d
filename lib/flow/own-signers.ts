import { signingKeyPath } from '../audit/signing-key.ts';
import { allowedSignersLine, parseAllowedSigners } from '../model/allowed-signers.ts';
import { CoffreError } from '../model/error.ts';
import type { HostConfig } from '../model/inventory.ts';
import { exists } from '../system/files.ts';
import { publicHalfOfOpenKey } from '../system/ssh-key.ts';

/** A machine that signs, host or driller, and the lines of the inventory that are for it. */
interface SelfSigner {
  readonly host: Pick<HostConfig, 'name' | 'state'>;
  readonly allowedSigners: string;
}

/**
 * Who may sign, as this host has to know it: what the inventory says, and the host's own key where it says nothing of
 * this host yet. Control is about to write the very same line into the inventory.
 */
export async function ownSigners({ host, allowedSigners }: SelfSigner): Promise<string> {
  if (parseAllowedSigners(allowedSigners).signers.some((signer) => signer.host === host.name && !signer.retired))
    return allowedSigners;
  const path = signingKeyPath(host.state.path);
  // One that others can read is closed to them by this very plan.
  const publicKey = (await exists(path)) ? await publicHalfOfOpenKey(path) : undefined;
  return publicKey === undefined
    ? allowedSigners
    : withSigner(allowedSigners, allowedSignersLine(host.name, publicKey));
}

/**
 * Throws `refused` when the inventory lets another key sign for this host than the host has, or is about to make: its
 * manifests would be taken for forged ones, and its chain would begin again beside the old one.
 */
export async function assertOwnSigner({ host, allowedSigners }: SelfSigner): Promise<void> {
  const active = parseAllowedSigners(allowedSigners).signers.filter(
    (signer) => signer.host === host.name && !signer.retired,
  );
  if (active.length === 0) return;
  const path = signingKeyPath(host.state.path);
  // One that others can read is closed to them by this very plan.
  const publicKey = (await exists(path)) ? await publicHalfOfOpenKey(path) : undefined;
  if (active.some((signer) => signer.publicKey === publicKey)) return;
  const [why, hint] =
    publicKey === undefined
      ? [
          `the inventory names its signing key, and there is none at ${path}`,
          'bring the key back, or state.path in the inventory; if the host was made anew, end its old line in signers/allowed_signers with the word retired',
        ]
      : [
          'the inventory names another signing key than the one that it has',
          `compare them; to trust the new one, end the old line in signers/allowed_signers with the word retired, and add: ${allowedSignersLine(host.name, publicKey)}`,
        ];
  throw new CoffreError('refused', `cannot let ${host.name} sign: ${why}`, { hint });
}

function withSigner(text: string, line: string): string {
  return `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}${line}\n`;
}

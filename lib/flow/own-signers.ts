import { signingKeyPath } from '../audit/signing-key.ts';
import { allowedSignersLine, parseAllowedSigners } from '../model/allowed-signers.ts';
import type { Slice } from '../model/slice.ts';
import { exists } from '../system/files.ts';
import { publicHalf } from '../system/ssh-key.ts';

/**
 * Who may sign, as this host has to know it: what the inventory says, and the host's own key where it says nothing of
 * this host yet. Control is about to write the very same line into the inventory.
 */
export async function ownSigners({ host, allowedSigners }: Slice): Promise<string> {
  if (parseAllowedSigners(allowedSigners).signers.some((signer) => signer.host === host.name)) return allowedSigners;
  const path = signingKeyPath(host.state.path);
  const publicKey = (await exists(path)) ? await publicHalf(path) : undefined;
  return publicKey === undefined
    ? allowedSigners
    : withSigner(allowedSigners, allowedSignersLine(host.name, publicKey));
}

function withSigner(text: string, line: string): string {
  return `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}${line}\n`;
}

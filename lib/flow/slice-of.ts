import { parseAllowedSigners } from '../model/allowed-signers.ts';
import type { HostConfig, Inventory } from '../model/inventory.ts';
import type { HostName } from '../model/names.ts';
import type { Slice } from '../model/slice.ts';

/** What of the inventory a host needs: itself, its recipients' public keys, and the keys that sign or signed for it. */
export function sliceOf(host: HostConfig, { recipients, allowedSigners }: Inventory): Slice {
  return {
    host,
    recipients: host.recipients.flatMap((name) => {
      const recipient = recipients.get(name);
      return recipient ? [{ name: recipient.name, publicKey: recipient.publicKey }] : [];
    }),
    allowedSigners: linesOf(host.name, allowedSigners),
  };
}

/** Were there lines of others among them, every new host of a fleet would be drift on all the others. */
function linesOf(host: HostName, text: string): string {
  const lines = text.split('\n');
  const own = parseAllowedSigners(text).signers.filter((signer) => signer.host === host);
  return own.map(({ line }) => `${lines[line - 1]?.trim()}\n`).join('');
}

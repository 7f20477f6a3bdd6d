import type { HostConfig, Inventory } from '../model/inventory.ts';
import type { Slice } from '../model/slice.ts';

/** What of the inventory a host needs: itself, its recipients' public keys, and who may sign. */
export function sliceOf(host: HostConfig, { recipients, allowedSigners }: Inventory): Slice {
  return {
    host,
    recipients: host.recipients.flatMap((name) => {
      const recipient = recipients.get(name);
      return recipient ? [{ name: recipient.name, publicKey: recipient.publicKey }] : [];
    }),
    allowedSigners,
  };
}

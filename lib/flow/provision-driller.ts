import { addAllowedSigner } from '../audit/signing-key.ts';
import type { DrillerConfig } from '../model/driller-config.ts';
import type { DrillerConverged, DrillerOrder } from '../model/driller-order.ts';
import { asCoffreError } from '../model/error.ts';
import type { HostOutcome } from '../model/host-outcome.ts';
import type { Inventory } from '../model/inventory.ts';
import type { Remark } from '../model/plan.ts';
import { asDriller, drillerSliceOf } from './driller-slice-of.ts';
import type { ProvisionContext, ProvisionWish } from './provision.ts';
import { type FarSide, setUpFarEnds } from './provision-far-ends.ts';
import { addRecipient } from './recipient-key.ts';
import { openRemoteHost } from './remote-host.ts';

/**
 * Converges a machine that drills to the inventory, over SSH. What it has made is written into the inventory: its line of those who may
 * sign, and the public key of its recipient. Its failure is its own outcome.
 */
export async function provisionDriller(
  driller: DrillerConfig,
  wish: ProvisionWish,
  context: ProvisionContext,
): Promise<HostOutcome> {
  const { inventory, login, releases, emit, signal } = context;
  const host = driller.name;
  try {
    signal.throwIfAborted();
    const remote = await openRemoteHost(driller, login, signal);
    try {
      const release = await releases.releaseFor(remote.facts);
      const { recipientKey, ...converged } = await remote.convergeDriller(
        orderFor(driller, wish, context),
        release,
        (event) => emit(event.subject === host ? event : { ...event, subject: `${host}: ${event.subject}` }),
      );
      const made = wish.desired === 'present' && wish.apply;
      const { signingKey } = converged;
      const signer = made && signingKey !== null ? await addAllowedSigner(inventory.folder, host, signingKey) : 'none';
      const remarks = made ? await letOpen(driller, inventory, recipientKey) : [];
      const far = await letInEverywhere(driller, converged, wish, context);
      return {
        host,
        ok: true,
        converged: { ...converged, remarks: [...converged.remarks, ...remarks] },
        signer,
        ...far,
        farEnds: [],
      };
    } finally {
      await remote.close();
    }
  } catch (error) {
    return { host, ok: false, error: signal.aborted ? asCoffreError(signal.reason) : asCoffreError(error) };
  }
}

function orderFor(driller: DrillerConfig, { desired, apply }: ProvisionWish, context: ProvisionContext): DrillerOrder {
  const drilling = drillerSliceOf(driller, context.inventory);
  return { drilling, desired, apply, controlTimeMs: context.clock.now().getTime() };
}

/** The first time, the key is news to everybody: until the hosts seal for it there is nothing to drill. */
async function letOpen(
  { recipient, hosts }: DrillerConfig,
  { folder, hosts: known }: Inventory,
  recipientKey: string | null,
): Promise<readonly Remark[]> {
  const added = recipientKey !== null && (await addRecipient(folder, recipient, recipientKey)) === 'added';
  const without = hosts.filter((name) => !known.get(name)?.recipients.includes(recipient));
  if (!added && without.length === 0) return [];
  const text = added ? `recipients/${recipient}.pem is new in the inventory: its key` : `the recipient ${recipient}`;
  const then = `add ${recipient} to the recipients of ${without.join(', ')}, and provision those`;
  return [
    {
      text: `${text} opens backups that are sealed for it from now on`,
      hint: without.length === 0 ? 'commit it' : `commit it, ${then}`,
    },
  ];
}

/** Where control may set up the contractor's side, the driller's key is let into the account that it reads with. */
async function letInEverywhere(
  driller: DrillerConfig,
  converged: Omit<DrillerConverged, 'recipientKey'>,
  { desired, apply }: ProvisionWish,
  { inventory, login, emit, signal }: ProvisionContext,
): Promise<FarSide> {
  const sides: FarSide[] = [];
  if (desired !== 'present' || !driller.from.startsWith('offsite')) return { farChanges: [], farRemarks: [] };
  const hosts = [...inventory.hosts.values()];
  for (const host of hosts.filter(({ name }) => driller.hosts.includes(name))) {
    const own = asDriller(host, driller);
    // Another account than the host's is the contractor's affair: what it may read is nothing that control can know.
    const offsite = own.offsite.filter((each, index) => {
      const of = host.offsite[index];
      return each.kind === 'sftp' && of?.kind === 'sftp' && of.user === each.user && of.path === each.path;
    });
    const asked = { ...own, offsite, name: driller.name };
    sides.push(await setUpFarEnds(asked, converged, { login, emit, signal, apply, hosts, readers: [driller.name] }));
  }
  return {
    farChanges: sides.flatMap(({ farChanges }) => farChanges),
    farRemarks: sides.flatMap(({ farRemarks }) => farRemarks),
  };
}

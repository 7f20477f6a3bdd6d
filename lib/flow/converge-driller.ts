import { signingKeyPath } from '../audit/signing-key.ts';
import { clockRemark, zoneRemark } from '../host/clock-remarks.ts';
import { cronDaemonRemark } from '../host/cron-daemon.ts';
import { hostTimeZone } from '../host/host-time-zone.ts';
import type { DrillerConverged, DrillerOrder } from '../model/driller-order.ts';
import { asCoffreError } from '../model/error.ts';
import type { Remark } from '../model/plan.ts';
import { exists } from '../system/files.ts';
import { auditRemarks } from './audit-remarks.ts';
import type { ConvergeContext } from './converge.ts';
import { convergeResources } from './converge-resources.ts';
import { drillSource } from './drill-source.ts';
import { drillerIdentities, drillerResources } from './driller-resources.ts';
import { openPlace } from './find-copy.ts';
import { publicHalves } from './own-keys.ts';
import { recipientPublicKey } from './recipient-key.ts';

/** On the driller: converges it to the order. Throws what `convergeResources` throws. */
export async function convergeDriller(order: DrillerOrder, context: ConvergeContext): Promise<DrillerConverged> {
  const { driller } = order.drilling;
  const zone = await hostTimeZone();
  const unread = order.desired === 'present' ? await unreadCopies(order, context.signal) : [];
  const convergence = {
    ...{ name: driller.name, settingsFolder: driller.settings.path, apply: order.apply },
    resources: async () =>
      context.resources ?? drillerResources(order, { release: context.release, zone: zone ?? 'unknown' }),
    remarks: async () => [...(await remarksOf(order, context.clock.now(), zone)), ...unread],
    passing: async () => [],
    before: async () => undefined,
    failed: async () => undefined,
  };
  return await convergeResources(convergence, context, async ({ plan, applied, remarks }) => {
    const identities = drillerIdentities(order.drilling).map(({ path }) => path);
    return {
      ...{ plan, applied: [...applied], proofs: [], remarks: [...remarks], farEnds: [] },
      ...(await publicHalves(signingKeyPath(driller.state.path), identities)),
      recipientKey: await recipientPublicKey(driller.key),
    };
  });
}

async function remarksOf(order: DrillerOrder, now: Date, zone: string | undefined): Promise<readonly Remark[]> {
  const { driller } = order.drilling;
  if (order.desired === 'absent') return await keptRemarks(order);
  const { scheduler, timezone, audit, secrets } = driller;
  const found = [
    clockRemark(now.getTime(), order.controlTimeMs),
    zoneRemark(timezone, zone, now),
    scheduler.kind === 'cron' ? await cronDaemonRemark(scheduler.cronFile) : undefined,
  ];
  return [
    ...found.flatMap((remark) => remark ?? []),
    ...(await auditRemarks({ audit, secretsFile: secrets.path, tries: order.apply })),
  ];
}

/**
 * The copies that the driller could not read when it was looked at. Nobody can have let in a key that is still to be made, so
 * that nothing is said of a new driller.
 */
async function unreadCopies({ drilling }: DrillerOrder, signal: AbortSignal): Promise<readonly Remark[]> {
  const { driller, hosts } = drilling;
  const remarks: Remark[] = [];
  for (const host of hosts) {
    const from = drillSource(host, driller.from);
    const offsite = host.offsite.find(({ name }) => from === `offsite:${name}`);
    if (offsite?.kind === 'sftp' && !(await exists(offsite.identity))) continue;
    try {
      const place = await openPlace(host, from, signal);
      await place.listRuns().finally(() => place.close());
    } catch (error) {
      signal.throwIfAborted();
      const { code, message, hint = `look at ${from} of ${host.name} in the inventory` } = asCoffreError(error);
      remarks.push({ text: `no drill of ${host.name} can be made: ${message}`, hint, code });
    }
  }
  return remarks;
}

/** What opens backups is nothing to be left lying about, and nothing to be thrown away by a program. */
async function keptRemarks({ drilling }: DrillerOrder): Promise<readonly Remark[]> {
  const { driller } = drilling;
  const { key, recipient, state, name } = driller;
  const remarks: Remark[] = [];
  if (await exists(key)) {
    remarks.push({
      text: `${key} stays, a private key that opens every backup that is sealed for ${recipient}`,
      hint: `take ${recipient} out of the recipients of every host, then: shred -u ${key}`,
    });
  }
  for (const { path, purpose } of drillerIdentities(drilling)) {
    if (!(await exists(path))) continue;
    remarks.push({
      text: `${path} stays, a key that still ${purpose}`,
      hint: `have it let out there (at a contractor: the line coffre:${name}), then: rm ${path} ${path}.pub`,
    });
  }
  if (await exists(state.path)) {
    remarks.push({
      text: `${state.path} stays: its signing key and its place in the chains of its drills`,
      hint: `if it never returns: rm -r ${state.path}; and the line of ${name} in signers/allowed_signers ends with the word retired`,
    });
  }
  return remarks;
}

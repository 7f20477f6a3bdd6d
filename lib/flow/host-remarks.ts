import { compressorRemark } from '../archive/explain-compressor.ts';
import { adoptedPasswordRemark } from '../database/adopted-password.ts';
import { systemUserRemark } from '../database/system-user.ts';
import { chooseScheduler, readSchedulerFacts } from '../host/choose-scheduler.ts';
import { clockRemark, zoneRemark } from '../host/clock-remarks.ts';
import { cronDaemonRemark } from '../host/cron-daemon.ts';
import { hostTimeZone } from '../host/host-time-zone.ts';
import type { ConvergeOrder } from '../model/converge-order.ts';
import { asCoffreError } from '../model/error.ts';
import type { HostConfig } from '../model/inventory.ts';
import { keyEndRemark } from '../model/key-end.ts';
import type { RecipientName } from '../model/names.ts';
import type { Change, Remark } from '../model/plan.ts';
import { storeFolder } from '../storage/store-folder.ts';
import { assertStoreMounted } from '../storage/store-guard.ts';
import type { Clock } from '../system/clock.ts';
import { exists } from '../system/files.ts';
import { findProgram } from '../system/programs.ts';
import { auditRemarks } from './audit-remarks.ts';
import { formerPathRemarks } from './former-paths.ts';
import { identitiesOf } from './host-resources.ts';

/** What of a host provisioning cannot mend, and its operator has to know. */
export async function hostRemarks(order: ConvergeOrder, clock: Clock): Promise<readonly Remark[]> {
  const { slice, desired, controlTimeMs } = order;
  const { host } = slice;
  if (order.accountOrder) return [];
  if (desired === 'absent')
    return [...present([await systemUserRemark(host), await keptRemark(host)]), ...(await keysLeft(host))];
  const now = clock.now();
  const { audit, secrets } = host;
  return [
    ...present([
      clockRemark(now.getTime(), controlTimeMs),
      zoneRemark(host.timezone, await hostTimeZone(), now),
      await storeRemark(host),
      await schedulerRemark(host),
      ...slice.recipients.map(({ name, publicKey }) => endRemark(name, publicKey, now)),
      compressorRemark(host.compression.program, (program) => findProgram(program) !== undefined),
    ]),
    ...(await auditRemarks({ audit, secretsFile: secrets.path, tries: order.apply })),
  ];
}

/** What only the plan can tell, before it is carried out: what is left behind, and what is taken over. */
export async function passingRemarks(order: ConvergeOrder, changes: readonly Change[]): Promise<readonly Remark[]> {
  const { host } = order.slice;
  if (order.accountOrder || order.desired !== 'present') return [];
  return [...(await formerPathRemarks(host)), ...present([await adoptedPasswordRemark(host, changes)])];
}

function present(remarks: readonly (Remark | undefined)[]): readonly Remark[] {
  return remarks.flatMap((remark) => remark ?? []);
}

/** No drift: what provisioning could mend is nothing, and no backup is lost for it. */
function endRemark(name: RecipientName, publicKey: string, now: Date): Remark | undefined {
  const remark = keyEndRemark(name, publicKey, now);
  return remark && { text: remark.text, hint: remark.hint, advice: true };
}

async function storeRemark({ store }: HostConfig): Promise<Remark | undefined> {
  const isToBeMade =
    store.mount === 'none' ? !(await exists(store.path)) : (await storeFolder(store).inspect()) !== undefined;
  if (isToBeMade) return undefined;
  return await assertStoreMounted(store).then(
    () => undefined,
    (error: unknown) => {
      const { code, message, hint = 'mount it' } = asCoffreError(error);
      return { text: message, hint, code };
    },
  );
}

/** That nothing is running which could start the nightly task. */
export async function schedulerRemark({ scheduler }: HostConfig): Promise<Remark | undefined> {
  const chosen = chooseScheduler(scheduler.kind, await readSchedulerFacts());
  return chosen === 'cron' ? await cronDaemonRemark(scheduler.cronFile) : undefined;
}

async function keptRemark({ state }: HostConfig): Promise<Remark | undefined> {
  if (!(await exists(state.path))) return undefined;
  return {
    text: `${state.path} stays: its signing key and its place in the chain of manifests, for the case that the host returns`,
    hint: `if it never does: rm -r ${state.path}; and its line of signers/allowed_signers ends with the word retired`,
  };
}

/** Who let a key in has to let it out again: from here that cannot be done, and the key may have been an operator's. */
async function keysLeft(host: HostConfig): Promise<readonly Remark[]> {
  const there = await Promise.all(
    identitiesOf(host).map(async (identity) => ((await exists(identity.path)) ? [identity] : [])),
  );
  return there.flat().map(({ path, purpose }) => ({
    text: `${path} stays, a key that still ${purpose}`,
    hint: `have it let out there (at a contractor: the line coffre:${host.name}), then: rm ${path} ${path}.pub`,
  }));
}

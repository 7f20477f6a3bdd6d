import type { ConvergeOrder, FarEndReport } from '../model/converge-order.ts';
import { asCoffreError } from '../model/error.ts';
import type { HostConfig } from '../model/inventory.ts';
import type { OffsiteConfig, SftpOffsiteConfig } from '../model/offsite-config.ts';
import { checkFarEnd } from '../storage/far-end-check.ts';
import { checkRclone } from '../storage/rclone-check.ts';
import type { Clock } from '../system/clock.ts';
import { readRequired } from '../system/files.ts';
import { readSecrets } from '../system/secrets.ts';
import type { SshTarget } from '../system/ssh.ts';

interface Look {
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

type FarEndOrder = Pick<ConvergeOrder, 'slice' | 'otherFolders'>;

/** On the host: how each of its offsites looks from here. Throws only when it is interrupted. */
export async function lookAtFarEnds(order: FarEndOrder, look: Look): Promise<readonly FarEndReport[]> {
  const { host } = order.slice;
  const reports: FarEndReport[] = [];
  for (const offsite of host.offsite) {
    reports.push({ offsite: offsite.name, conditions: await conditionsOf(host, offsite, order, look) });
  }
  return reports;
}

async function conditionsOf(
  host: HostConfig,
  offsite: OffsiteConfig,
  { otherFolders }: FarEndOrder,
  { clock, signal }: Look,
): Promise<FarEndReport['conditions']> {
  if (offsite.kind === 'rclone') {
    const { configPassphrase } = offsite;
    return [...(await checkRclone(offsite, () => secretOf(host, configPassphrase), signal))];
  }
  const others = otherFolders[offsite.name] ?? [];
  try {
    const target = await targetOf(host, offsite, signal);
    const { path, appendOnly } = offsite;
    return [...(await checkFarEnd({ target, path, others, appendOnly }, clock.now().getTime()))];
  } catch (error) {
    const { code, message, hint = null } = asCoffreError(error);
    if (code === 'interrupted') throw error;
    const says = "it accepts the host's own key";
    return [{ check: 'login', says, outcome: 'failed', detail: message, hint }];
  }
}

async function targetOf(host: HostConfig, offsite: SftpOffsiteConfig, signal: AbortSignal): Promise<SshTarget> {
  const { address, port, user, hostKey, identity, identityPassphrase } = offsite;
  const passphrase = await secretOf(host, identityPassphrase);
  const key = await readRequired(identity, 'provision this host: the key is made there');
  return { address, port, user, hostKey, identity: key, ...passphrase, unreachable: 'offsite-unreachable', signal };
}

async function secretOf({ secrets }: HostConfig, name: string | undefined): Promise<{ readonly passphrase?: string }> {
  return name === undefined ? {} : { passphrase: (await readSecrets(secrets.path)).secret(name) };
}

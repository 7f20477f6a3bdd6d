import type { HostConfig } from '../model/inventory.ts';
import type { OffsiteConfig } from '../model/offsite-config.ts';
import { uploadRateAt } from '../model/upload-rate.ts';
import type { Offsite } from '../storage/offsite.ts';
import { pacedOffsite } from '../storage/paced-offsite.ts';
import { openRcloneOffsite } from '../storage/rclone-offsite.ts';
import { openSftpOffsite } from '../storage/sftp-offsite.ts';
import { systemClock } from '../system/clock.ts';
import { Pace } from '../system/pace.ts';
import { readSecrets } from '../system/secrets.ts';

const LOOK_MS = 1000;

/** One for all offsites of a host: they share its line. */
const paces = new WeakMap<HostConfig, Pace>();

/**
 * Connects to an offsite of the host, with the secrets that its configuration names. What is sent keeps to the limit of
 * the host. Whoever opens MUST close.
 */
export async function openOffsite(host: HostConfig, config: OffsiteConfig, signal?: AbortSignal): Promise<Offsite> {
  const offsite = await connect(host, config, signal);
  const { uploadBytesPerSecond, uploadWindows } = host.limits;
  if (uploadBytesPerSecond === undefined && uploadWindows === undefined) return offsite;
  const pace = paces.get(host) ?? new Pace({ bytesPerSecond: rateOf(host) });
  paces.set(host, pace);
  return pacedOffsite(offsite, pace);
}

/** Looked up once a second: by then the time of day may be another one. */
function rateOf({ limits, timezone }: HostConfig): () => number {
  let [rate, until] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  return () => {
    const now = systemClock.now();
    if (now.getTime() >= until || now.getTime() < until - LOOK_MS) {
      rate = uploadRateAt(limits, timezone, now) ?? Number.POSITIVE_INFINITY;
      until = now.getTime() + LOOK_MS;
    }
    return rate;
  };
}

async function connect(host: HostConfig, config: OffsiteConfig, signal?: AbortSignal): Promise<Offsite> {
  const access = async (name: string | undefined) => ({
    ...(name === undefined ? {} : { passphrase: (await readSecrets(host.secrets.path)).secret(name) }),
    ...(signal === undefined ? {} : { signal }),
  });
  switch (config.kind) {
    case 'sftp':
      return await openSftpOffsite(config, await access(config.identityPassphrase));
    case 'rclone':
      return await openRcloneOffsite(config, await access(config.configPassphrase));
  }
}

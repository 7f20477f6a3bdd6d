import type { HostConfig } from '../model/inventory.ts';
import type { OffsiteConfig } from '../model/offsite-config.ts';
import type { Offsite } from '../storage/offsite.ts';
import { pacedOffsite } from '../storage/paced-offsite.ts';
import { openSftpOffsite } from '../storage/sftp-offsite.ts';
import { Pace } from '../system/pace.ts';
import { readSecrets } from '../system/secrets.ts';

/** One for all offsites of a host: they share its line. */
const paces = new WeakMap<HostConfig, Pace>();

/**
 * Connects to an offsite of the host, with the secrets that its configuration names. What is sent keeps to the limit of
 * the host. Whoever opens MUST close.
 */
export async function openOffsite(host: HostConfig, config: OffsiteConfig, signal?: AbortSignal): Promise<Offsite> {
  const offsite = await connect(host, config, signal);
  const { uploadBytesPerSecond: bytesPerSecond } = host.limits;
  if (bytesPerSecond === undefined) return offsite;
  const pace = paces.get(host) ?? new Pace({ bytesPerSecond });
  paces.set(host, pace);
  return pacedOffsite(offsite, pace);
}

async function connect(host: HostConfig, config: OffsiteConfig, signal?: AbortSignal): Promise<Offsite> {
  switch (config.kind) {
    case 'sftp': {
      const { identityPassphrase } = config;
      const passphrase =
        identityPassphrase === undefined
          ? {}
          : { passphrase: (await readSecrets(host.secrets.path)).secret(identityPassphrase) };
      return await openSftpOffsite(config, { ...passphrase, ...(signal === undefined ? {} : { signal }) });
    }
  }
}

import type { HostConfig, OffsiteConfig } from '../model/inventory.ts';
import type { Offsite } from '../storage/offsite.ts';
import { openSftpOffsite } from '../storage/sftp-offsite.ts';
import { readSecrets } from '../system/secrets.ts';

/** Connects to an offsite of the host, with the secrets that its configuration names. Whoever opens MUST close. */
export async function openOffsite(host: HostConfig, config: OffsiteConfig, signal?: AbortSignal): Promise<Offsite> {
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

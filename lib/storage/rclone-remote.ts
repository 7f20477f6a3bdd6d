import { CoffreError } from '../model/error.ts';
import type { RcloneOffsiteConfig } from '../model/rclone-offsite-config.ts';
import { type RcloneConfig, remotesBehind } from '../system/rclone-config.ts';

type Options = Readonly<Record<string, string>>;

/**
 * Looks at a remote, and at those that it is made of, before anything is sent to it. Returns sentences on what is weaker than it
 * should be. Throws `inventory` for a remote that the configuration does not have, and `refused` for an SSH server
 * whose host key nobody has pinned. Pure.
 */
export function judgeRemote(
  { name: offsite, remote, config: path }: Pick<RcloneOffsiteConfig, 'name' | 'remote' | 'config'>,
  config: RcloneConfig,
): readonly string[] {
  const [name = ''] = remote.split(':');
  const behind = remotesBehind(config, name);
  if (behind === undefined) {
    throw new CoffreError('inventory', `cannot reach the offsite ${offsite}: ${path} has no remote ${name}`, {
      hint: `see what it has: rclone --config ${path} listremotes; or mend remote in inventory/hosts`,
    });
  }
  return Object.entries(behind).flatMap(([each, options]) => {
    if (options.type === 'sftp' && !options.known_hosts_file) {
      throw new CoffreError('refused', `cannot trust the remote ${each} of rclone: it takes any host key`, {
        hint: `set known_hosts_file for it in ${path}, after comparing the key by another way; or take kind: sftp for this offsite`,
      });
    }
    return isInTheClear(options)
      ? [`${offsite}: the remote ${each} of rclone sends its credentials in the clear: give it TLS in ${path}`]
      : [];
  });
}

const LOOPBACK = /^http:\/\/(?:127\.\d+\.\d+\.\d+|localhost|\[::1\])(?:[:/]|$)/;

function isInTheClear({ type, url = '', endpoint = '', tls, explicit_tls, host = '' }: Options): boolean {
  if (type === 'ftp') return tls !== 'true' && explicit_tls !== 'true' && !/^(?:127\.|localhost$)/.test(host);
  return [url, endpoint].some((address) => address.startsWith('http://') && !LOOPBACK.test(address));
}

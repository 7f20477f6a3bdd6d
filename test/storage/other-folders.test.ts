import t from 'tap';
import type { HostConfig } from '../../lib/model/inventory.ts';
import { SftpOffsiteConfig } from '../../lib/model/offsite-config.ts';
import { otherFolders } from '../../lib/storage/other-folders.ts';

function offsite(path: string, change: object = {}): SftpOffsiteConfig {
  return SftpOffsiteConfig.parse({
    ...{ name: 'contractor', kind: 'sftp', address: 'backup.example.org', user: 'acme', path },
    ...{ hostKey: 'ssh-ed25519 AAAA', ...change },
  });
}

t.test('the folders of others on the same server, once each', async (t) => {
  const hosts = [
    [offsite('/backups/db1')],
    [offsite('/backups/db2/'), offsite('/backups/db2')],
    [offsite('/backups//db1'), offsite('/elsewhere', { address: 'other.example.org' }), offsite('/port', { port: 2 })],
    [],
  ].map((each) => ({ offsite: each }) as unknown as HostConfig);
  t.same(otherFolders(hosts, offsite('/backups/db1')), ['/backups/db2']);
});

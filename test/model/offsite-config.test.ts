import t from 'tap';
import { OffsiteConfig } from '../../lib/model/offsite-config.ts';

const hostKey = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILih3tLusp2BPYZNIkUiXSFZUVm1fSO+1yrBSONwr6UT';
const sftp = { name: 'contractor', address: 'backup.example.org', user: 'acme', path: '/backups', hostKey };
const rclone = (remote: string) => OffsiteConfig.safeParse({ name: 'archive', kind: 'rclone', remote });

t.test('an offsite is an SSH server unless it says otherwise', async (t) => {
  t.match(OffsiteConfig.parse(sftp), { kind: 'sftp', port: 22 });
  t.match(rclone('archive:bucket/db1').data, { kind: 'rclone', config: '/etc/coffre/rclone.conf', verify: 'auto' });
  t.notOk(OffsiteConfig.safeParse({ ...sftp, kind: 'ftp' }).success);
  t.notOk(OffsiteConfig.safeParse({ ...sftp, kind: 'rclone' }).success);
});

t.test('a remote of rclone is a name and a path, and brings no secret with it', async (t) => {
  for (const remote of ['archive:', 'archive:/srv/in it/db1', 'a.b-c_1:bücket/db1'])
    t.ok(rclone(remote).success, remote);
  for (const remote of [
    ...['', 'archive', '/srv/runs', '--config=x:y', ':s3:bucket', 's3,secret_access_key=x:bucket', 'a b:c'],
    ...['a:b/', 'a:b/../c', 'a:..', 'a:b//c', 'a:b\nc'],
  ])
    t.notOk(rclone(remote).success, JSON.stringify(remote));
});

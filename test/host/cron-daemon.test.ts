import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { cronDaemonRemark } from '../../lib/host/cron-daemon.ts';
import { temporaryFolder } from '../temporary.ts';

t.test('says when no cron daemon runs', async (t) => {
  const { path: root, remove } = temporaryFolder();
  t.teardown(remove);
  const stopped = { text: /no cron daemon is running/, hint: 'systemctl enable --now cron' };
  const look = () => cronDaemonRemark('/etc/cron.d/coffre', root);
  t.match(await look(), stopped, 'without a record of one');
  for (const name of ['run', 'proc/4711']) mkdirSync(join(root, name), { recursive: true });
  writeFileSync(join(root, 'run/crond.pid'), '4711\n');
  t.match(await look(), stopped, 'the recorded process has ended');
  writeFileSync(join(root, 'proc/4711/comm'), 'bash\n');
  t.match(await look(), stopped, 'its number is used by another program');
  writeFileSync(join(root, 'proc/4711/comm'), 'cron\n');
  t.equal(await look(), undefined);
  writeFileSync(join(root, 'run/crond.pid'), '');
  t.match(await look(), stopped, 'an empty record');
  t.equal(
    await cronDaemonRemark('/srv/cron.d/coffre', root),
    undefined,
    "a folder of one's own is for whoever reads it",
  );
});

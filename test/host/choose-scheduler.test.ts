import t from 'tap';
import { chooseScheduler, readSchedulerFacts } from '../../lib/host/choose-scheduler.ts';
import { scheduleTask } from '../../lib/host/schedule-task.ts';
import { HostName } from '../../lib/model/names.ts';
import { temporaryFolder } from '../temporary.ts';

const [cron, systemd] = [true, true];

t.test('takes cron where it is there, else systemd, else says how to get one', async (t) => {
  t.equal(chooseScheduler('auto', { cron, systemd }), 'cron');
  t.equal(chooseScheduler('auto', { cron: false, systemd }), 'systemd');
  t.equal(chooseScheduler('systemd', { cron, systemd }), 'systemd');
  t.equal(chooseScheduler('none', { cron: false, systemd: false }), 'none');
  const missing = { code: 'program-missing', hint: /apt-get install --no-install-recommends cron/ };
  t.throws(() => chooseScheduler('auto', { cron: false, systemd: false }), missing);
  t.equal(chooseScheduler('cron', { cron: false, systemd }), 'cron', 'its file can be there before the daemon is');
  t.throws(() => chooseScheduler('systemd', { cron, systemd: false }), missing);
  const facts = await readSchedulerFacts();
  t.strictSame(Object.keys(facts), ['cron', 'systemd']);
});

t.test('a host starts its task in one way alone', async (t) => {
  const { path: folder, remove } = temporaryFolder();
  t.teardown(remove);
  const task = { host: HostName.parse('db1'), schedule: '0 4 * * *', user: 'root', words: ['/x'], zone: 'UTC' };
  const resources = (scheduler: 'cron' | 'systemd' | 'none') =>
    scheduleTask({ scheduler, task, cronFile: `${folder}/coffre`, unitFolder: folder, systemctl: undefined });
  t.strictSame(
    resources('cron').map(({ kind }) => kind),
    ['cron-entry', 'timer'],
  );
  t.strictSame(
    resources('systemd').map(({ kind }) => kind),
    ['timer', 'cron-entry'],
    'first the new one, then the old one goes',
  );
  for (const resource of resources('none')) t.equal(await resource.inspect(), undefined);
  t.match(await resources('cron')[0]?.inspect(), { action: 'create' });
});

import fc from 'fast-check';
import t from 'tap';
import { readCronCommand, writeCronCommand } from '../../lib/host/cron-command.ts';
import { parseCronTable } from '../../lib/host/cron-table.ts';
import { renderCronEntry } from '../../lib/host/render-cron-entry.ts';
import { HostName } from '../../lib/model/names.ts';

const task = {
  host: HostName.parse('db1'),
  schedule: '0 4 * * *',
  user: 'root',
  words: ['/opt/coffre/current/coffre', 'backup', 'db1'],
  zone: 'Europe/Paris',
};

t.test('says who wrote it, in which zone it is, and what runs', async (t) => {
  t.equal(
    renderCronEntry(task),
    `# Written by coffre for db1. What is changed here by hand is overwritten: change the inventory instead.
# Times are those of this host's own time zone, Europe/Paris.
SHELL=/bin/sh
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
0 4 * * * root /opt/coffre/current/coffre backup db1
`,
  );
});

t.test('comes back from our own reader', async () => {
  const word = fc.string({ unit: fc.constantFrom(...'\\%\'"$ #a\té\r'), maxLength: 20 });
  const schedule = fc.constantFrom('0 4 * * *', '*/15\t0-6 1,15 * *', ' 5 4 * jan Sun ');
  const user = fc.constantFrom('root', '_backup', 'a.b-c');
  fc.assert(
    fc.property(fc.array(word, { maxLength: 6 }), schedule, user, (words, when, who) => {
      const all = ['/opt/a b', ...words];
      const { entries, faults } = parseCronTable(renderCronEntry({ ...task, schedule: when, user: who, words: all }));
      const [entry] = entries;
      return (
        faults.length === 0 &&
        entries.length === 1 &&
        entry?.schedule === when.trim().split(/\s+/).join(' ') &&
        entry.user === who &&
        entry.environment.SHELL === '/bin/sh' &&
        entry.command === readCronCommand(writeCronCommand(all)).script
      );
    }),
  );
});

t.test('refuses a schedule that is none, and a task that cron would not take', async (t) => {
  t.throws(() => renderCronEntry({ ...task, schedule: '0 4 * *' }), { code: 'inventory', hint: /hosts\/db1\.yaml/ });
  const refused = { code: 'refused' };
  t.throws(() => renderCronEntry({ ...task, words: ['/x', 'x'.repeat(1000)] }), refused);
  t.throws(() => renderCronEntry({ ...task, words: ['/x', 'a\n* * * * * root id'] }), refused);
  t.throws(() => renderCronEntry({ ...task, user: 'root id #' }), refused);
  t.throws(() => renderCronEntry({ ...task, user: 'root\n* * * * * root' }), refused);
  t.notMatch(renderCronEntry({ ...task, zone: 'X\n* * * * * root id' }), /\n\* /);
});

import t from 'tap';
import { HostName } from '../../lib/model/names.ts';
import { count, formatPlan } from '../../lib/report/plan.ts';

const host = HostName.parse('db1');

t.test('a line for each change, its diff below, then what cannot be mended', async (t) => {
  const text = formatPlan({
    host,
    changes: [
      { action: 'create', kind: 'folder', name: '/etc/coffre', lines: ['+mode 0700'] },
      { action: 'change', kind: 'file', name: '/etc/coffre/host.yaml', lines: [' a', '-b', '+c'] },
      { action: 'remove', kind: 'account', name: "'old'@'%'", lines: [] },
    ],
    remarks: [{ text: 'the clock is slow', hint: 'timedatectl' }],
  });
  t.equal(
    text,
    [
      'db1: 3 changes',
      '  + folder /etc/coffre',
      '      +mode 0700',
      '  ~ file /etc/coffre/host.yaml',
      '       a',
      '      -b',
      '      +c',
      "  - account 'old'@'%'",
      '  warning: the clock is slow',
      '  hint: timedatectl',
    ].join('\n'),
  );
  t.equal(formatPlan({ host, changes: [], remarks: [] }), 'db1: nothing to change');
  t.equal(count(1), '1 change');
});

t.test('nothing that a host says moves the cursor or makes a line of its own', async (t) => {
  const evil = 'x\n  + folder /\x1b[2J\r\x9b31m\x00';
  const text = formatPlan({
    host,
    changes: [{ action: 'create', kind: 'file', name: evil, lines: [`+${evil}`] }],
    remarks: [{ text: evil, hint: evil }],
  });
  t.equal(text.split('\n').length, 5);
  t.notMatch(text.replaceAll('\n', ''), /\p{Cc}/u);
  t.match(text, String.raw`x\x0a  + folder /\x1b[2J\x0d\x9b31m\x00`);
});

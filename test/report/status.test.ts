import t from 'tap';
import { formatStatus, statusOf } from '../../lib/report/status.ts';
import { overviewOfHistory } from '../fixture/judged-history.ts';
import { historyOf } from '../fixture/told-history.ts';

const now = new Date('2026-11-22T11:00:00Z');
const overview = overviewOfHistory(
  historyOf({
    hosts: 4,
    nights: 40,
    now,
    mishap: (h, ago) => (h === 1 && ago < 3 ? 'missing' : h === 2 && ago === 0 ? 'owed' : undefined),
  }),
  now,
);

t.test('is one line a host and the sentence of the page', async (t) => {
  t.equal(
    formatStatus(statusOf(overview, [])),
    [
      'host  last good       age     size  copies  drill   what is wrong',
      'db1   11-22 04:00     7 h  398 MiB  3/3     26 h    nothing',
      'db2   11-19 04:00  3 days  5.4 GiB  3/3     4 days  stale',
      'db3   11-22 04:00     7 h  2.6 GiB  2/3     26 h    copy owed',
      'db4   11-22 04:00     7 h  7.7 GiB  3/3     26 h    nothing',
      '',
      '3 of 4 hosts are recoverable as of 22 Nov 2026, 04:00 UTC; db2 is not: no good run since 19 Nov 2026.',
      'hint: each finding, and what to do: npx zx tasks/validate.ts',
    ].join('\n'),
  );
});

t.test('fits 80 columns, whatever a host is called and whatever is wrong', async (t) => {
  const [, db2] = overview.hosts;
  if (!db2) throw new Error('no host');
  const worst = {
    ...db2,
    host: 'a-host-with-a-name-as-long-as-host-names-can-be.example.net' as typeof db2.host,
    findings: ['freshness', 'drill', 'owed-copy', 'size', 'copies', 'chain'].map((rule) => ({
      ...{ rule, severity: 'error' as const, path: null, message: 'm', hint: 'h' },
    })),
  };
  const lines = formatStatus(statusOf({ ...overview, hosts: [...overview.hosts, worst] }, [])).split('\n');
  t.ok(
    lines.slice(0, 6).every((line) => line.length <= 80),
    lines.join('\n'),
  );
  t.match(lines[5], /^a-host-with-a-name… .*…$/);
});

t.test('colours what is wrong, when it is asked to, and nothing else', async (t) => {
  const lines = formatStatus(statusOf(overview, []), (tone, text) => `[${tone}]${text}[/]`).split('\n');
  t.match(lines[2], /^db2 .* 4 days {2}\[bad\]stale\[\/\]$/);
  t.match(lines[1], /^db1 .* 26 h {4}\[good\]nothing\[\/\]$/);
  t.notOk(formatStatus(statusOf(overview, [])).includes('\u001b'));
});

t.test('hosts that are named are judged by themselves, and by what is of no host', async (t) => {
  t.match(statusOf(overview, []), { exitCode: 5 });
  t.match(statusOf(overview, ['db1', 'db3']), { exitCode: 0, hosts: [{ host: 'db1' }, { host: 'db3' }] });
  t.equal(statusOf(overview, ['db1']).sentence, 'db1 is recoverable as of 22 Nov 2026, 04:00 UTC.');
  t.equal(statusOf(overview, ['db2']).exitCode, 5);
  const stray = {
    rule: 'belongs',
    severity: 'error',
    host: null,
    path: 'x\u001b[2J',
    message: 'no',
    hint: 'h',
  } as const;
  const bad = statusOf({ ...overview, findings: [stray] }, ['db1']);
  t.equal(bad.exitCode, 5);
  t.match(formatStatus(bad), /^error: x\\x1b\[2J: no$/m);
});

t.test('for programs it has everything but the nights', async (t) => {
  const [db1, db2] = statusOf(overview, []).hosts;
  t.notOk(db1 && 'nights' in db1);
  t.match(db2, {
    standing: 'bad',
    ageMs: 3 * 86_400_000 + 7 * 3_600_000 - 7000,
    provisioned: null,
    troubles: [/no good run/],
  });
});

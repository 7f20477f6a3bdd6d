import t from 'tap';
import { formatMetrics } from '../../lib/report/prometheus.ts';
import { recordMetrics } from '../../lib/report/record-metrics.ts';
import { overviewOfHistory } from '../fixture/judged-history.ts';
import { historyOf } from '../fixture/told-history.ts';

t.test('HELP and TYPE once for each name, labels escaped, and nothing of a metric without a number', async (t) => {
  const text = formatMetrics([
    { name: 'a', help: 'one\\two\nthree', samples: [{ labels: {}, value: 1 }] },
    { name: 'none', help: 'x', samples: [] },
    {
      name: 'b_bytes',
      help: 'b',
      samples: [
        { labels: { database: 'sh"op\\\n', host: 'db1' }, value: 0.25 },
        { labels: { database: 'crm', host: 'db1' }, value: 1e21 },
      ],
    },
  ]);
  t.equal(
    text,
    [
      '# HELP a one\\\\two\\nthree',
      '# TYPE a gauge',
      'a 1',
      '# HELP b_bytes b',
      '# TYPE b_bytes gauge',
      'b_bytes{database="sh\\"op\\\\\\n",host="db1"} 0.25',
      'b_bytes{database="crm",host="db1"} 1e+21',
      '',
    ].join('\n'),
  );
});

t.test('of each host what the records say: stale, owed, and how its drill stands', async (t) => {
  const now = new Date('2026-11-22T11:00:00Z');
  const mishap = (h: number, ago: number) =>
    h === 1 && ago < 3 ? ('missing' as const) : h === 2 && ago === 0 ? ('owed' as const) : undefined;
  const overview = overviewOfHistory(historyOf({ hosts: 3, nights: 20, now, mishap }), now);
  const text = formatMetrics(recordMetrics(overview, () => new Date('2026-11-23T10:00:00Z')));
  for (const line of [
    'coffre_recoverable{host="db1",source="record"} 1',
    'coffre_recoverable{host="db2",source="record"} 0',
    'coffre_findings{host="db3",source="record",severity="warning"} 1',
    'coffre_owed{host="db3",source="record",place="contractor"} 1',
    'coffre_owed{host="db1",source="record",place="contractor"} 0',
    'coffre_copy_complete{host="db3",source="record",place="contractor"} 0',
    'coffre_drill_max_age_seconds{host="db1",source="record"} 864000',
    `coffre_last_success_timestamp_seconds{host="db1",source="record"} ${Date.parse('2026-11-22T04:00:07Z') / 1000}`,
    `coffre_next_run_deadline_timestamp_seconds{host="db1",source="record"} ${Date.parse('2026-11-23T10:00:00Z') / 1000}`,
  ])
    t.ok(text.includes(`${line}\n`), line);
  t.equal([...text.matchAll(/^# TYPE coffre_owed /gm)].length, 1);
});

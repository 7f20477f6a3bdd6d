import t from 'tap';
import type { AuditFinding } from '../../../lib/audit/finding.ts';
import type { OverviewCopy } from '../../../lib/model/overview.ts';
import { renderPage } from '../../../lib/report/page/render-page.ts';
import { overviewOfHistory } from '../../fixture/judged-history.ts';
import { historyOf, type Mishap } from '../../fixture/told-history.ts';

const now = new Date('2026-11-22T09:00:00Z');
const fates: readonly (Mishap | undefined)[] = [undefined, 'owed', 'failed', undefined, 'skipped', 'odd', 'missing'];
const history = historyOf({ hosts: 3, nights: 60, now, mishap: (h, ago) => (h === 0 ? undefined : fates[ago % 23]) });
const overview = overviewOfHistory(history, now);
const page = renderPage(overview);
const count = (text: string, of: RegExp) => [...text.matchAll(of)].length;
const sectionOf = (host: string) => page.slice(page.indexOf(`id="host-${host}"`)).split('</section>', 1)[0] ?? '';

t.test('says the one sentence as its heading and its title', async (t) => {
  const sentence = '3 hosts are recoverable as of 22 Nov 2026, 04:00 UTC.';
  t.ok(page.includes(`<h1>All ${sentence}</h1>`), String(page.match(/<h1>.*<\/h1>/)));
  t.ok(page.includes(`<title>All ${sentence}</title>`));
});

t.test('has nothing that runs, and nothing that is elsewhere', async (t) => {
  t.match(
    page,
    /<meta http-equiv="Content-Security-Policy" content="default-src &#39;none&#39;; style-src &#39;unsafe-inline&#39;; img-src data:/,
  );
  t.notMatch(page, /<(script|iframe|object|embed|img|base|form|video|audio)\b/i);
  t.notMatch(page, /\son[a-z]+=/i);
  t.notMatch(page, /javascript:|@import|url\(|(?:src|srcset|action|poster|xlink:href)=/i);
  const targets = [...page.matchAll(/href="([^"]*)"/g)].map(([, target = '']) => target.slice(0, 5));
  t.ok(
    targets.every((target) => target.startsWith('#') || target === 'data:'),
    [...new Set(targets)].join(),
  );
});

t.test('has a section for each host, with its nights, charts, copies and a table of them all', async (t) => {
  t.equal(count(page, /<section class="card host-card"/g), 3);
  const db2 = sectionOf('db2');
  t.match(db2, /role="img" aria-label="Nights from 24 Sep 2026 to 22 Nov 2026: 4\d succeeded, /);
  t.match(db2, /aria-label="Size of the backup: /);
  t.match(db2, /aria-label="Duration of the backup: /);
  t.match(db2, /<td><span class="tone good">.*?re-hashed remotely<\/td>/s);
  t.match(db2, /re-hashed remotely, delivered later/);
  t.match(db2, /Recovered in \d+\u00a0min/);
  t.match(db2, /Chain of records<\/dt><dd><span class="main">Whole/);
  t.equal(count(db2, /<tr><th scope="row">2026-/g), 60, 'a row a night');
  t.equal(count(db2, /<title>/g), 60 + 2 * 2, 'a cell a night, and a mark in each chart for what is odd');
});

t.test('tells of a copy what a later look has found, and that retention has removed it', async (t) => {
  const [db1] = overview.hosts;
  const [copied] = db1?.copied ?? [];
  if (!db1 || !copied) throw new Error('no copies');
  const at = '2026-11-22T07:00:00.000Z';
  const [store, exported, contractor] = copied.copies as [OverviewCopy, OverviewCopy, OverviewCopy];
  const copies: OverviewCopy[] = [
    { ...store, looked: { at, verdict: 'damaged', sampled: null } },
    { ...exported, state: 'removed' },
    { ...contractor, looked: { at, verdict: 'whole', sampled: { read: 3, total: 40 } } },
  ];
  const shown = renderPage({ ...overview, hosts: [{ ...db1, copied: [{ ...copied, copies }] }] });
  t.match(
    shown,
    /<td><span class="tone bad">.*?read back<span class="looked">damaged on 22 Nov 2026, every byte<\/span><\/td>/,
  );
  t.match(shown, /<td class="soft">removed by retention<\/td>/);
  t.match(
    shown,
    /<td><span class="tone good">.*?<span class="looked">whole on 22 Nov 2026, 3 of 40 segments<\/span><\/td>/,
  );
  t.match(shown, /<td class="num wide wider">1\/3<\/td>/);
});

t.test('marks what is not as it should be by a sign, too, and explains it', async (t) => {
  const db2 = sectionOf('db2');
  for (const [sign, meaning] of [
    ['×', 'failed'],
    ['–', 'skipped'],
    ['?', 'missing: due, and no record of it'],
    ['!', 'succeeded, with a finding'],
  ] as const) {
    t.ok(db2.includes(`>${sign}</text>`), sign);
    t.match(db2, new RegExp(`<span class="count">\\d+</span> ${meaning}</span></li>`));
  }
  t.notMatch(sectionOf('db1'), /<span class="count">\d+<\/span> failed/, 'a legend of what there is');
});

t.test('whatever the repository says stays text', async (t) => {
  const nasty = `"><script>alert(1)</script>\u202e'&`;
  const finding: AuditFinding = {
    rule: 'belongs',
    severity: 'error',
    host: null,
    path: nasty,
    message: nasty,
    hint: nasty,
  };
  const hostile = renderPage(
    overviewOfHistory(history, now, [finding, { ...finding, host: history.links[0]?.host ?? null }]),
  );
  t.notMatch(hostile, /<script/);
  t.notOk(hostile.includes('\u202e'));
  t.equal(count(hostile, /&#34;&#62;&#60;script&#62;alert\(1\)&#60;\/script&#62;\\u\{202e\}&#39;&#38;/g) >= 6, true);
  t.match(hostile, /<h2 id="stray">The audit repository itself<\/h2>/);
});

t.test('has all colours from its style: none of the chart library is left', async (t) => {
  const drawings = [...page.matchAll(/<svg class="chart".*?<\/svg>/gs)].map(([svg]) => svg).join('');
  t.ok(drawings.length > 10_000);
  t.notMatch(drawings, /(?:fill|stroke|style)="|rgba?\(|#[0-9a-f]{6}|zr\d/i);
  const classes = new Set([...page.matchAll(/class="([^"]+)"/g)].flatMap(([, names = '']) => names.split(' ')));
  const style = page.slice(page.indexOf('<style>'), page.indexOf('</style>'));
  const known = ['count', 'host-card', 'warned', 'wide'];
  for (const name of classes) t.ok(known.includes(name) || style.includes(`.${name}`), `a style for ${name}`);
});

t.test('hosts without a record, and no host at all, make a page as well', async (t) => {
  const none = overviewOfHistory({ ...history, links: [], drills: [] }, now);
  t.match(renderPage(none), /<h1>None of 3 hosts is recoverable: no run has ever been published\.<\/h1>/);
  const empty = renderPage({ ...none, hosts: [], findings: [], head: null });
  t.match(empty, /There is no host to recover/);
  t.match(empty, /The audit repository is empty\./);
});

t.test('is the same in every time zone of the machine that makes it', async (t) => {
  const { TZ } = process.env;
  t.teardown(() => {
    if (TZ === undefined) delete process.env.TZ;
    else process.env.TZ = TZ;
  });
  // Clocks that change at midnight, half a day ahead, a quarter of an hour off.
  const pages = ['UTC', 'America/Santiago', 'Pacific/Apia', 'Asia/Kathmandu'].map((zone) => {
    process.env.TZ = zone;
    const year = overviewOfHistory(historyOf({ hosts: 1, nights: 365, now }), now);
    return { zone, offset: new Date(0).getTimezoneOffset(), text: renderPage(year) };
  });
  t.equal(new Set(pages.map(({ offset }) => offset)).size, 4, 'the clocks are others');
  for (const { zone, text } of pages) t.ok(text === pages[0]?.text, zone);
});

t.test('fifty hosts and a year are a page of a few megabytes', async (t) => {
  const one = renderPage(overviewOfHistory(historyOf({ hosts: 1, nights: 365, now }), now)).length;
  const three = renderPage(overviewOfHistory(historyOf({ hosts: 3, nights: 365, now }), now)).length;
  const host = (three - one) / 2;
  t.ok(host < 90_000, `${host} bytes a host`);
});

import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { parse, stringify } from 'yaml';
import { METRIC_LABELS } from '../../lib/report/metric-names.ts';
import { ensureNamesKey } from '../../lib/seal/names-key.ts';
import { run } from '../../lib/system/command.ts';
import { findProgram } from '../../lib/system/programs.ts';
import { addDriller } from '../fixture/driller.ts';
import { worldFor } from '../fixture/world.ts';
import { until } from '../until.ts';

/* What real runs, drills and looks write for Prometheus, and what is drawn and alerted of it. */

t.setTimeout(120_000);
const promtool = findProgram('promtool');
const skip = promtool === undefined && 'there is no promtool: apt-get install --no-install-recommends prometheus';
const world = await worldFor(t, { shopRows: 2 });
const folder = world.at('collector');
mkdirSync(folder);
await addDriller(world, { metrics: { textfile: folder } });
const hostFile = world.at('inventory/hosts/db1.yaml');
const change = (more: object) =>
  writeFileSync(hostFile, stringify({ ...parse(readFileSync(hostFile, 'utf8')), ...more }, { lineWidth: 0 }));
change({ metrics: { textfile: folder } });

/** Every line of a file, by name and labels. */
function read(name: string): ReadonlyMap<string, number> {
  const lines = readFileSync(world.at('collector', name), 'utf8').split('\n');
  return new Map(
    lines
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => {
        const [, series = '', value = ''] = /^(.*) (\S+)$/.exec(line) ?? [];
        return [series, Number(value)];
      }),
  );
}
const childrenOf = (pid: number | undefined) => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
const of = (more = '') => `{host="db1",source="host"${more}}`;
const written = new Map<string, Set<string>>();

async function assertWellFormed(t: Test, name: string): Promise<void> {
  const text = readFileSync(world.at('collector', name), 'utf8');
  for (const [, metric = '', labels = ''] of text.matchAll(/^(coffre_\w+)\{(.*)\} \S+$/gm)) {
    const names = [...labels.matchAll(/(\w+)="/g)].map(([, label = '']) => label);
    t.strictSame(names, METRIC_LABELS[metric as keyof typeof METRIC_LABELS], metric);
    written.set(metric, new Set(names));
  }
  t.equal(statSync(world.at('collector', name)).mode & 0o777, 0o644, 'whoever collects can read it');
  t.strictSame(
    readdirSync(folder).filter((each) => !/^coffre(-drill|-record)?\.prom$/.test(each)),
    [],
    'and never half of one',
  );
  if (promtool === undefined) return;
  const checked = await run(promtool, ['check', 'metrics'], { input: text });
  t.equal(checked.exitCode, 0, checked.stdout + checked.stderr);
  t.equal(checked.stdout + checked.stderr, '', 'nor has promtool any advice');
}

t.test('a good night: age, sizes, durations, copies and what is owed', async (t) => {
  const mask = process.umask(0o077);
  await world.goodRun();
  process.umask(mask);
  const metrics = read('coffre.prom');
  await assertWellFormed(t, 'coffre.prom');
  const now = Date.now() / 1000;
  const success = metrics.get(`coffre_last_success_timestamp_seconds${of()}`) ?? 0;
  t.ok(success > now - 60 && success <= now, String(success));
  t.equal(metrics.get(`coffre_last_run_outcome${of(',outcome="success"')}`), 1);
  t.equal(metrics.get(`coffre_last_run_outcome${of(',outcome="failure"')}`), 0);
  for (const phase of ['preflight', 'dump', 'ship', 'publish', 'prune', 'verify'])
    t.ok(metrics.has(`coffre_run_duration_seconds${of(`,phase="${phase}"`)}`), phase);
  for (const database of ['shop', 'crm'])
    t.ok((metrics.get(`coffre_sealed_bytes${of(`,database="${database}"`)}`) ?? 0) > 100_000, database);
  for (const place of ['store', 'export', 'contractor'])
    t.equal(metrics.get(`coffre_copy_complete${of(`,place="${place}"`)}`), 1, place);
  for (const place of ['store', 'contractor', 'audit'])
    t.equal(metrics.get(`coffre_owed${of(`,place="${place}"`)}`), 0, place);
  const deadline = metrics.get(`coffre_next_run_deadline_timestamp_seconds${of()}`) ?? 0;
  t.ok(deadline > now + 6 * 3600 && deadline <= now + 30 * 3600 + 60, 'the next 04:00, and six hours of grace');
});

t.test('what comes after it is in the same file: a look at the copies, a pruning, a drill', async (t) => {
  change({ retention: { store: { daily: 7 } } });
  const looked = await world.task('verify', ['db1', '--publish']);
  t.equal(looked.exitCode, 0, looked.stderr);
  t.equal((await world.task('prune', [])).exitCode, 0);
  const metrics = read('coffre.prom');
  await assertWellFormed(t, 'coffre.prom');
  t.equal(metrics.get(`coffre_verified_copies${of(',verdict="whole"')}`), 3);
  t.equal(metrics.get(`coffre_verified_copies${of(',verdict="bad"')}`), 0);
  t.equal(metrics.get(`coffre_runs_kept${of(',place="store"')}`), 1);
  t.ok(metrics.has(`coffre_last_success_timestamp_seconds${of()}`), 'with all that was known before');
  const drilled = await world.task('drill', []);
  t.equal(drilled.exitCode, 0, drilled.stderr);
  await assertWellFormed(t, 'coffre-drill.prom');
  const drills = read('coffre-drill.prom');
  t.equal(drills.get(`coffre_last_drill_success${of()}`), 1);
  t.ok((drills.get(`coffre_drill_recovery_seconds${of()}`) ?? 0) > 0);
});

t.test('status --metrics tells all hosts by the audit repository', async (t) => {
  const { exitCode, stderr } = await world.task('status', ['--metrics', world.at('collector/coffre-record.prom')]);
  t.equal(exitCode, 0, stderr);
  await assertWellFormed(t, 'coffre-record.prom');
  const own = read('coffre.prom');
  const record = read('coffre-record.prom');
  const [there, here] = ['record', 'host'].map((source) => `{host="db1",source="${source}"}`);
  t.equal(record.get(`coffre_recoverable${there}`), 1);
  for (const name of ['last_success_timestamp_seconds', 'next_run_deadline_timestamp_seconds', 'run_plain_bytes'])
    t.equal(record.get(`coffre_${name}${there}`), own.get(`coffre_${name}${here}`), name);
  t.equal(record.get(`coffre_drill_max_age_seconds${there}`), 8 * 86_400);
});

t.test('every name of the table is written by one of them', async (t) => {
  t.strictSame(
    Object.keys(METRIC_LABELS).filter((name) => !written.has(name)),
    [],
  );
});

t.test('alerts and dashboard ask for what is written, by labels that it has', async (t) => {
  const alerts = readFileSync(new URL('../../docs/monitoring/alerts.yml', import.meta.url), 'utf8');
  const dashboard = JSON.parse(
    readFileSync(new URL('../../docs/monitoring/dashboard.json', import.meta.url), 'utf8'),
  ) as { panels: { id: number; targets: { expr: string }[] }[] };
  const rules = (parse(alerts) as { groups: { rules: { alert: string; expr: string }[] }[] }).groups.flatMap(
    (group) => group.rules,
  );
  const queries = [...rules, ...dashboard.panels.flatMap(({ targets }) => targets)].map(({ expr }) => expr);
  t.ok(queries.length > 25);
  for (const query of queries) {
    const metrics = [...query.matchAll(/\bcoffre_\w+/g)].map(([name]) => name);
    t.ok(metrics.length > 0 || query.includes('node_textfile_mtime_seconds'), query);
    for (const name of metrics) t.ok(written.has(name), `${name} is written`);
    for (const [, name = '', selectors = ''] of query.matchAll(/\b(coffre_\w+)\{([^}]*)\}/g))
      for (const [, label = ''] of selectors.matchAll(/(\w+)(?:=~|!=|!~|=)/g))
        t.ok(written.get(name)?.has(label), `${name} has ${label}`);
    for (const [, labels = ''] of query.matchAll(/\bby \(([^)]*)\) \(coffre_/g)) {
      const [, name = ''] = query.slice(query.indexOf(`by (${labels})`)).match(/(coffre_\w+)/) ?? [];
      for (const label of labels.split(', ')) t.ok(written.get(name)?.has(label), `${name} has ${label}`);
    }
  }
});

t.test('promtool takes the rules, their tests, and every query of the dashboard', { skip }, async (t) => {
  const at = new URL('../../docs/monitoring/', import.meta.url).pathname;
  const tested = await run(promtool ?? '', ['test', 'rules', 'alerts.test.yml'], { cwd: at });
  t.equal(tested.exitCode, 0, tested.stdout + tested.stderr);
  const { panels } = JSON.parse(readFileSync(`${at}dashboard.json`, 'utf8')) as {
    panels: { id: number; targets: { expr: string; refId: string }[] }[];
  };
  const rules = panels.flatMap(({ id, targets }) =>
    targets.map(({ expr, refId }) => ({ record: `panel:${id}:${refId}`, expr })),
  );
  writeFileSync(world.at('panels.yml'), stringify({ groups: [{ name: 'panels', rules }] }));
  const checked = await run(promtool ?? '', ['check', 'rules', world.at('panels.yml'), `${at}alerts.yml`]);
  t.equal(checked.exitCode, 0, checked.stdout + checked.stderr);
});

t.test('where names are confidential, labels have their hashes', async (t) => {
  await ensureNamesKey(world.at('host/etc/coffre'));
  change({ names: 'hashed' });
  await world.goodRun();
  await assertWellFormed(t, 'coffre.prom');
  const text = readFileSync(world.at('collector/coffre.prom'), 'utf8');
  t.equal([...text.matchAll(/^coffre_sealed_bytes\{.*,database="h-[0-9a-f]{32}"\} \d+$/gm)].length, 2);
  t.notMatch(text, /shop|crm/);
});

t.test('a run that fails, and one that is skipped, say so; the last good one stays known', async (t) => {
  const before = read('coffre.prom').get(`coffre_last_success_timestamp_seconds${of()}`);
  const holder = spawn('flock', [world.at('host/var/lib/coffre/run.lock'), 'sleep', '60'], { stdio: 'ignore' });
  await until('the lock is held', () => childrenOf(holder.pid) !== '');
  t.equal((await world.task('backup', [])).exitCode, 6);
  process.kill(Number(childrenOf(holder.pid)));
  t.equal(read('coffre.prom').get(`coffre_last_run_outcome${of(',outcome="skipped"')}`), 1);
  await world.server.stop();
  t.equal((await world.task('backup', [])).exitCode, 7);
  await assertWellFormed(t, 'coffre.prom');
  const after = read('coffre.prom');
  t.equal(after.get(`coffre_last_run_outcome${of(',outcome="failure"')}`), 1);
  t.equal(after.get(`coffre_last_success_timestamp_seconds${of()}`), before);
});

t.test('a folder that is not there is a warning, and fails nothing', async (t) => {
  rmSync(folder, { recursive: true });
  const failed = await world.task('backup', []);
  t.equal(failed.exitCode, 7);
  t.match(failed.stderr, /^warning: db1: its metrics are not written: .*collector.*\nhint: /m);
  t.notOk(existsSync(folder), 'it is made by whoever collects');
  chmodSync(world.at('host/var/lib/coffre/memory.json'), 0o600);
  writeFileSync(world.at('host/var/lib/coffre/memory.json'), '{"latest":');
  mkdirSync(folder);
  t.equal((await world.task('backup', [])).exitCode, 7);
  t.equal(
    read('coffre.prom').get(`coffre_last_run_outcome${of(',outcome="failure"')}`),
    1,
    'what is damaged begins anew',
  );
});

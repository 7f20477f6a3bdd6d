import t from 'tap';
import { lookRule } from '../../lib/audit/look-rule.ts';
import type { PublishedRecord } from '../../lib/audit/published.ts';
import type { HostConfig } from '../../lib/model/inventory.ts';
import type { HostName } from '../../lib/model/names.ts';
import type { VerifyRecord } from '../../lib/model/verify-record.ts';
import { hostRecordsOf } from '../fixture/host-record.ts';

const db1 = 'db1' as HostName;
/** The last night whose hours of grace are over began on the 30th at 04:00. */
const NOW = new Date('2026-11-30T12:00:00Z');
type Look = Partial<Pick<VerifyRecord, 'runs' | 'sample' | 'places'>>;

function look(startedAt: string, changes: Look = {}, trusted = true): PublishedRecord {
  const record = { ...hostRecordsOf('db1', new Date(startedAt)).verify, ...changes };
  const { sequence, finishedAt } = record;
  const published = { host: db1, kind: 'verify', sequence, startedAt, finishedAt, record, trusted };
  return published as unknown as PublishedRecord;
}

const { places } = hostRecordsOf('db1', NOW).verify;
const [store, contractor] = places;
/** `the store: it never was`, for each finding. */
function judged(others: readonly PublishedRecord[], verify: object | null = { everyDays: 7, runs: 'all' }) {
  const offsite = [{ name: 'contractor' }];
  const plan = {
    schedule: '0 4 * * *',
    timezone: 'UTC',
    graceHours: 6,
    offsite,
    verify: verify ?? undefined,
  } as unknown as HostConfig;
  const findings = lookRule({ others }, { hosts: new Map([[db1, plan]]), now: NOW });
  return findings.map(({ severity, message }) => {
    t.equal(severity, 'error');
    return message.replace(/^.* in (the .*?) should be read, and /, '$1: ');
  });
}

const NEVER = ['the store: it never was', 'the export: it never was', 'the offsite contractor: it never was'];
if (!store || !contractor) throw new Error('the fixture has two places');
const inExport = { ...store, kind: 'export' } as const;
const all: Look = { places: [store, contractor, inExport] };

t.test('each place is to be read as often as the inventory says', async (t) => {
  t.strictSame(judged([], null), [], 'nobody asks for it');
  t.strictSame(judged([]), NEVER);
  t.strictSame(judged([look('2026-11-30T04:30:00Z', all)]), []);
  t.strictSame(judged([look('2026-11-24T04:30:00Z', all)]), [], 'six days before that night');
  t.strictSame(
    judged([look('2026-11-23T04:30:00Z', all), look('2026-11-16T04:30:00Z', all)]),
    ['store', 'export', 'offsite contractor'].map(
      (place) => `the ${place}: the last time was 2026-11-23T04:30:00.000Z`,
    ),
    'that night it was due',
  );
  t.strictSame(judged([look('2026-11-29T04:30:00Z')]), ['the export: it never was'], 'a place was left out');
});

t.test('what is less than what was asked for does not count', async (t) => {
  const at = '2026-11-30T04:30:00Z';
  const sampled = { everyDays: 7, runs: 'all', sample: 3 };
  t.strictSame(judged([look(at, { ...all, sample: 2 })], sampled), NEVER);
  t.strictSame(judged([look(at, { ...all, sample: 3 })], sampled), []);
  t.strictSame(judged([look(at, { ...all, sample: 3 })]), NEVER, 'every byte was asked for');
  t.strictSame(judged([look(at, { ...all, runs: 'latest' })]), NEVER);
  t.strictSame(judged([look(at, { ...all, runs: 'latest' })], { everyDays: 7, runs: 'latest' }), []);
  t.strictSame(judged([look(at, { ...all, runs: 'one' })], { everyDays: 7, runs: 'latest' }), NEVER);
  t.strictSame(judged([look(at, all, false)]), NEVER, 'nobody vouches for it');
  const unread = { ...contractor, error: 'offsite-unreachable' as const };
  const cutOff = { ...store, runs: store.runs.map((run) => ({ ...run, verdict: 'unread' as const })) };
  t.strictSame(judged([look(at, { places: [cutOff, unread, inExport] })]), [NEVER[0], NEVER[2]]);
});

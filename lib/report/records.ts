import type { HostRecord } from '../model/record.ts';
import type { RecordHeader } from '../model/record-header.ts';
import { formatAge, formatDuration } from './format.ts';
import { formatTable } from './table.ts';

type Listed = { readonly name: string; readonly kind: string } & (
  | { readonly trust: 'signed'; readonly record: HostRecord | RecordHeader }
  | { readonly trust: 'untrusted'; readonly why: string }
);

/** What a host has put on record beside its runs, for a person: a line each. Nothing where there is nothing. */
export function formatRecords(records: readonly Listed[], now: Date): string {
  if (records.length === 0) return '';
  const rows = records.map((listed) => {
    if (listed.trust === 'untrusted') return [listed.name, listed.kind, '', 'NOT TRUSTED', '', listed.why];
    const { startedAt, finishedAt, outcome } = listed.record;
    const age = formatAge(now.getTime() - Date.parse(startedAt));
    const took = formatDuration(Date.parse(finishedAt) - Date.parse(startedAt));
    return [listed.name, listed.kind, age, outcome, took, describeRecord(listed.record)];
  });
  return formatTable(['record', 'kind', 'age', 'outcome', 'took', 'what'], rows);
}

/** What a record says, in a few words. */
export function describeRecord(record: HostRecord | RecordHeader): string {
  if (!isKnown(record)) return `written by a newer coffre (version ${record.version})`;
  switch (record.kind) {
    case 'verify': {
      const runs = record.places.flatMap((place) => place.runs);
      const counts = [...new Set(runs.map(({ verdict }) => verdict))].map(
        (verdict) => `${runs.filter((run) => run.verdict === verdict).length} ${verdict}`,
      );
      const unread = record.places.filter(({ error }) => error !== null);
      const places = unread.map(({ kind, offsite, error }) => `${offsite ?? kind} not read (${error})`);
      const share = record.sample === null ? 'every byte' : `${record.sample} segments of each file`;
      return [`${counts.join(', ') || 'no copies'}, ${share}`, ...places].join('; ');
    }
    case 'prune':
      return record.places
        .map(({ kind, offsite, removed, kept }) => `${offsite ?? kind}: ${removed.length} removed, ${kept} kept`)
        .join('; ');
    case 'provision': {
      const of = record.desired === 'present' ? '' : `${record.desired}: `;
      const done = record.changes.map(({ action, kind, count }) => `${action} ${count} ${kind}`).join(', ');
      if (record.error === null) return of + (done || 'nothing was left to do');
      const { code, at } = record.error;
      return `${of}failed${at ? ` to ${at.action} ${at.kind}` : ''} (${code})${done === '' ? '' : ` after: ${done}`}`;
    }
    case 'key-rotation': {
      const name = (sign: string) => (key: { readonly name: string | null; readonly fingerprint: string }) =>
        `${sign}${key.name ?? ''}${key.name === null ? '' : ' '}${key.fingerprint.slice(0, 19)}`;
      return `${record.of}: ${[...record.added.map(name('+')), ...record.removed.map(name('-'))].join(', ')}`;
    }
  }
}

function isKnown(record: HostRecord | RecordHeader): record is HostRecord {
  return 'software' in record;
}

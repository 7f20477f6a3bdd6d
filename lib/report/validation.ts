import { formatAge, formatDuration } from './format.ts';
import { formatTable, onOneLine } from './table.ts';

interface Judged {
  readonly head: string | null;
  readonly manifests: number;
  readonly hosts: readonly {
    readonly host: string;
    readonly state: string;
    readonly latestSucceeded: { readonly run: string; readonly startedAt: string } | null;
    readonly dueAt: Date | null;
  }[];
  readonly drills: number;
  /** Other records by kind. */
  readonly records: Readonly<Record<string, number>>;
  readonly drilled: readonly {
    readonly host: string;
    readonly state: string;
    readonly latestProof: {
      readonly run: string | null;
      readonly driller: string;
      readonly finishedAt: string;
      readonly proof: { readonly recoveryMs: number } | null;
    } | null;
  }[];
  readonly findings: readonly {
    readonly severity: 'error' | 'warning';
    readonly rule: string;
    readonly host: string | null;
    readonly path: string | null;
    readonly message: string;
    readonly hint: string;
  }[];
}

/** What `validate` has found, for a person: a line a host, every finding with its hint, and one sentence. */
export function formatValidation(judged: Judged, now: Date): string {
  const { head, manifests, hosts, drills, records, findings } = judged;
  const rows = hosts.map(({ host, state, latestSucceeded, dueAt }) => [
    host,
    state,
    latestSucceeded?.run ?? 'never',
    latestSucceeded ? formatAge(now.getTime() - Date.parse(latestSucceeded.startedAt)) : '-',
    dueAt ? dueAt.toISOString().slice(0, 16).replace('T', ' ') : '-',
  ]);
  const told = findings.map(({ severity, rule, host, path, message, hint }) => {
    const place = path ?? host ?? 'the repository';
    return `${severity}: ${onOneLine(place)}: ${onOneLine(message)} (${rule})\nhint: ${onOneLine(hint)}`;
  });
  const errors = findings.filter(({ severity }) => severity === 'error').length;
  const counted = [
    `${manifests} manifests`,
    ...(drills === 0 ? [] : [`${drills} drills`]),
    ...Object.entries(records).map(([kind, count]) => `${count} of ${kind}`),
  ];
  const all = [counted.slice(0, -1).join(', '), ...counted.slice(-1)].filter((part) => part !== '').join(' and ');
  const verdict = errors === 0 ? 'valid' : `NOT VALID: ${errors} ${errors === 1 ? 'error' : 'errors'}`;
  return [
    formatTable(['host', 'state', 'last good run', 'age', 'due since'], rows),
    ...formatDrilled(judged, now),
    ...told.map((text) => `\n${text}`),
    `\n${verdict}: ${all} at ${head?.slice(0, 12) ?? 'an empty repository'}`,
  ].join('\n');
}

/** A line for each host that is drilled, or has to be; nothing where there is none. */
function formatDrilled({ drilled }: Judged, now: Date): string[] {
  if (drilled.length === 0) return [];
  const rows = drilled.map(({ host, state, latestProof: last }) => [
    host,
    state,
    last?.run ?? 'never',
    last ? formatAge(now.getTime() - Date.parse(last.finishedAt)) : '-',
    last?.proof ? formatDuration(last.proof.recoveryMs) : '-',
    last?.driller ?? '-',
  ]);
  return ['', formatTable(['host', 'drills', 'last run proven', 'age', 'recovery', 'by'], rows)];
}

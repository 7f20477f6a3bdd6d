import { formatAge, formatDuration } from './format.ts';
import { formatTable, onOneLine } from './table.ts';
import { wrap } from './wrap.ts';

/** What is told of a validation. */
export interface Judged {
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
  readonly acknowledged?: readonly {
    readonly finding: {
      readonly rule: string;
      readonly host: string | null;
      readonly path: string | null;
      readonly message: string;
    };
    readonly by: string;
    readonly on: string;
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
    const place = harmless(path ?? host ?? 'the repository');
    return [
      `${severity}: ${place} (${rule})`,
      wrap(harmless(message), '  '),
      wrap(harmless(hint), '  hint: ', '        '),
    ].join('\n');
  });
  const [errors, warnings] = (['error', 'warning'] as const).map((kind) =>
    counted(findings.filter(({ severity }) => severity === kind).length, kind),
  );
  const verdict = findings[0]?.severity === 'error' ? `NOT VALID: ${errors}` : 'valid';
  const besides = findings.some(({ severity }) => severity === 'warning') ? `, ${warnings}` : '';
  const parts = [
    counted(manifests, 'manifest'),
    ...(drills === 0 ? [] : [counted(drills, 'drill')]),
    ...Object.entries(records).map(([kind, count]) => `${count} of ${kind}`),
  ];
  const all = [parts.slice(0, -1).join(', '), ...parts.slice(-1)].filter((part) => part !== '').join(' and ');
  return [
    formatTable(['host', 'state', 'last good run', 'age', 'due since'], rows),
    ...formatDrilled(judged, now),
    ...told.map((text) => `\n${text}`),
    ...(judged.acknowledged ?? []).map(
      ({ finding: { rule, host, path, message }, by, on }) =>
        `\nacknowledged by ${harmless(by)} on ${on}: ${harmless(`${path ?? host ?? 'the repository'}: ${message}`)} (${rule})`,
    ),
    `\n${verdict}${besides}: ${all} at ${head?.slice(0, 12) ?? 'an empty repository'}`,
  ].join('\n');
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** On one line, and nothing that GitHub Actions would read as a command in the log of a step. */
function harmless(text: string): string {
  return onOneLine(text).replaceAll('##[', '#\\x23[').replaceAll('::', ':\\x3a');
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

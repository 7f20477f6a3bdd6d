import { formatAge } from './format.ts';
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
export function formatValidation({ head, manifests, hosts, findings }: Judged, now: Date): string {
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
  const verdict = errors === 0 ? 'valid' : `NOT VALID: ${errors} ${errors === 1 ? 'error' : 'errors'}`;
  return [
    formatTable(['host', 'state', 'last good run', 'age', 'due since'], rows),
    ...told.map((text) => `\n${text}`),
    `\n${verdict}: ${manifests} manifests at ${head?.slice(0, 12) ?? 'an empty repository'}`,
  ].join('\n');
}

import { formatAge } from './format.ts';
import { inlineCode } from './markdown.ts';
import type { Judged } from './validation.ts';

/** GitHub takes a mebibyte of a step, and drops all of what is larger. */
const LIMIT_BYTES = 1_000_000;

/** What `validate` has found, in GitHub's Markdown, for the summary of a job: one sentence, a row a host, every finding that has room. */
export function formatValidationSummary({ head, manifests, hosts, findings }: Judged, now: Date): string {
  const errors = findings.filter(({ severity }) => severity === 'error');
  const verdict =
    errors.length === 0
      ? `The audit repository is valid: ${manifests} manifests, ${findings.length} warnings.`
      : `**The audit repository is not valid: ${errors.length} ${errors.length === 1 ? 'error' : 'errors'}.**`;
  const parts = ['## Audit of the backups', '', verdict, ''];
  if (head !== null)
    parts.push(`Judged at ${inlineCode(head)}, ${now.toISOString().slice(0, 16).replace('T', ' ')} UTC.`, '');
  parts.push('| Host | State | Last good run | Age |', '|---|---|---|---|');
  const rows = hosts.map(({ host, state, latestSucceeded: last }) => {
    const age = last ? formatAge(now.getTime() - Date.parse(last.startedAt)) : '';
    return `| ${inlineCode(host)} | ${state} | ${last ? inlineCode(last.run) : 'never'} | ${age} |`;
  });
  const told = findings.map(
    ({ severity, rule, host, path, message, hint }) =>
      `- **${severity}** ${inlineCode(path ?? host ?? 'the repository')}: ${inlineCode(message)} (${inlineCode(rule)})<br>${inlineCode(hint)}`,
  );
  return withinLimit(parts, rows, told);
}

function withinLimit(head: readonly string[], rows: readonly string[], told: readonly string[]): string {
  const lines = [...head];
  let left = LIMIT_BYTES - Buffer.byteLength(head.join('\n'));
  const add = (some: readonly string[], noun: string) => {
    for (const [index, line] of some.entries()) {
      left -= Buffer.byteLength(line) + 1;
      if (left < 1000) return void lines.push('', `… and ${some.length - index} more ${noun}: see the log.`);
      lines.push(line);
    }
  };
  add(rows, 'hosts');
  if (told.length > 0) lines.push('', '### Findings', '');
  add(told, 'findings');
  return `${lines.join('\n')}\n`;
}

import type { HostName } from '../model/names.ts';

/** One thing that a rule has found in the audit repository. An error makes `validate` fail, a warning does not. */
export interface AuditFinding {
  /** Name of the rule. */
  readonly rule: string;
  readonly severity: 'error' | 'warning';
  readonly host: HostName | null;
  /** Path in the audit repository. */
  readonly path: string | null;
  readonly message: string;
  readonly hint: string;
}

/** A finding as one line. Paths come from the repository and could hold anything, so they are shown as JSON where odd. */
export function renderFinding({ rule, severity, host, path, message }: AuditFinding): string {
  const place = path === null ? (host ?? 'repository') : show(path);
  return `${place}: ${message} (${severity}: ${rule})`;
}

/** `text` from the repository, fit for a terminal: control characters and blanks are spelled out, and it is short. */
export function show(text: string): string {
  const short = text.length > 200 ? `${text.slice(0, 200)}…` : text;
  return /^[\x21-\x7e…]+$/.test(short) ? short : JSON.stringify(short).replace(/[^\x20-\x7e]/g, escapeUnit);
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

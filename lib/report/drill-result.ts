import { ERRORS, type ErrorCode } from '../model/error.ts';
import { formatBytes, formatDuration } from './format.ts';
import { formatTable, onOneLine } from './table.ts';

interface Told {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string | undefined;
  readonly findings: readonly string[];
}

interface Drilled {
  readonly record: {
    readonly host: string;
    readonly drill: string;
    readonly run: string | null;
    readonly source: { readonly kind: string; readonly offsite: string | null };
    readonly proof: {
      readonly databases: number;
      readonly tables: number;
      readonly plainBytes: number;
      readonly recoveryMs: number;
    } | null;
  };
  readonly error: Told | null;
  readonly publication: { readonly kind: 'published' | 'owed' };
  /** That a newer run is on record than the one that was found. */
  readonly lost: Told | null;
}

const VERDICT = ERRORS['drill-failed'].exit;

/** The exit code of the drills of one driller: that of a wrong copy before any other, and 3 where only a publication is owed. */
export function drillExitCode(outcomes: readonly Drilled[]): number {
  const codes = outcomes.map(({ error, publication, lost }) =>
    lost ? VERDICT : error ? ERRORS[error.code].exit : publication.kind === 'owed' ? ERRORS.owed.exit : 0,
  );
  return codes.includes(VERDICT) ? VERDICT : Math.max(0, ...codes);
}

/** A line for each host, then what each that failed needs of a person. */
export function formatDrill(outcomes: readonly Drilled[]): string {
  const rows = outcomes.map(({ record, error, publication }) => {
    const { host, run, source, proof } = record;
    const place = source.offsite === null ? source.kind : `${source.kind}:${source.offsite}`;
    return [
      host,
      run ?? '-',
      place,
      error ? verdictOf(error.code) : 'the same',
      proof ? `${proof.databases}/${proof.tables}` : '-',
      proof ? formatBytes(proof.plainBytes) : '-',
      proof ? formatDuration(proof.recoveryMs) : '-',
      publication.kind,
    ];
  });
  const head = ['host', 'run', 'from', 'compared', 'databases/tables', 'SQL', 'recovery', 'record'];
  const about = outcomes.flatMap(({ record: { host }, error, lost }) => [
    ...aboutFailed(host, error),
    ...aboutFailed(host, lost),
  ]);
  return [formatTable(head, rows), ...about].join('\n');
}

/** That nobody can tell is another thing than that it is not the same. */
function verdictOf(code: ErrorCode): string {
  return code === 'not-compared' ? 'NOT COMPARED' : `FAILED (${code})`;
}

function aboutFailed(host: string, error: Told | null): string[] {
  if (!error) return [];
  const lines = [`error: ${error.message}`, ...error.findings.map((finding) => `  ${finding}`)];
  if (error.hint !== undefined) lines.push(`hint: ${error.hint}`);
  return ['', ...lines.map((line) => `${host}: ${onOneLine(line)}`)];
}

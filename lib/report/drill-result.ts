import { ERRORS, type ErrorCode } from '../model/error.ts';
import { formatBytes, formatDuration } from './format.ts';
import { formatTable, onOneLine } from './table.ts';

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
  readonly error: {
    readonly code: ErrorCode;
    readonly message: string;
    readonly hint: string | undefined;
    readonly findings: readonly string[];
  } | null;
  readonly publication: { readonly kind: 'published' | 'owed' };
}

const VERDICT = ERRORS['drill-failed'].exit;

/** The exit code of the drills of one driller: that of a wrong copy before any other, and 3 where only a publication is owed. */
export function drillExitCode(outcomes: readonly Drilled[]): number {
  const codes = outcomes.map(({ error, publication }) =>
    error ? ERRORS[error.code].exit : publication.kind === 'owed' ? ERRORS.owed.exit : 0,
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
  return [formatTable(head, rows), ...outcomes.flatMap(aboutFailed)].join('\n');
}

/** That nobody can tell is another thing than that it is not the same. */
function verdictOf(code: ErrorCode): string {
  return code === 'not-compared' ? 'NOT COMPARED' : `FAILED (${code})`;
}

function aboutFailed({ record: { host }, error }: Drilled): string[] {
  if (!error) return [];
  const lines = [`error: ${error.message}`, ...error.findings.map((finding) => `  ${finding}`)];
  if (error.hint !== undefined) lines.push(`hint: ${error.hint}`);
  return ['', ...lines.map((line) => `${host}: ${onOneLine(line)}`)];
}

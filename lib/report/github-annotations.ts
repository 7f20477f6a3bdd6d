import { visible } from './markdown.ts';

interface Finding {
  readonly severity: 'error' | 'warning';
  readonly rule: string;
  readonly host: string | null;
  readonly path: string | null;
  readonly message: string;
  readonly hint: string;
}

/** GitHub shows as many of each severity of one step, and drops the others without a word. */
const SHOWN = 10;
const MESSAGE_CHARACTERS = 1000;

/**
 * The findings as workflow commands, which GitHub Actions shows at the top of a run: those of as many hosts as can be, and
 * last how many there are besides.
 * https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
 */
export function githubAnnotations(findings: readonly Finding[]): readonly string[] {
  return (['error', 'warning'] as const).flatMap((severity) => {
    const own = oneOfEachFirst(findings.filter((finding) => finding.severity === severity));
    if (own.length <= SHOWN) return own.map(annotation);
    const left = own.length - (SHOWN - 1);
    const rest = `${left} more ${severity}s: see the summary of this run, or its log`;
    return [...own.slice(0, SHOWN - 1).map(annotation), command(severity, { title: `${left} more` }, rest)];
  });
}

/** The first finding of each host, then the second ones: a host with a hundred does not hide the others. */
function oneOfEachFirst(findings: readonly Finding[]): readonly Finding[] {
  const seen = new Map<string | null, number>();
  const ranked = findings.map((finding) => {
    const rank = seen.get(finding.host) ?? 0;
    seen.set(finding.host, rank + 1);
    return { finding, rank };
  });
  return ranked.sort((a, b) => a.rank - b.rank).map(({ finding }) => finding);
}

function annotation({ severity, rule, host, path, message, hint }: Finding): string {
  const title = host === null ? rule : `${host}: ${rule}`;
  const text = `${visible(message).slice(0, MESSAGE_CHARACTERS)}\nhint: ${visible(hint).slice(0, MESSAGE_CHARACTERS)}`;
  // GitHub links the file where the audit repository is the one that is checked out.
  return command(severity, path === null || visible(path) !== path ? { title } : { file: path, title }, text);
}

/** The form and the escapes of GitHub's own @actions/core: what is foreign can end neither a property nor the line. */
function command(name: string, properties: Readonly<Record<string, string>>, message: string): string {
  const told = Object.entries(properties).map(([key, value]) => `${key}=${escapeProperty(value)}`);
  return `::${name} ${told.join(',')}::${escapeData(message)}`;
}

function escapeData(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}

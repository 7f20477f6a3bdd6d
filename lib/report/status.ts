import type { AuditOverview, HostOverview } from '../model/overview.ts';
import { countCopies } from './copies.ts';
import { formatAge, formatBytes } from './format.ts';
import { formatTable, onOneLine } from './table.ts';
import { type Standing, standingOf, troublesOf, verdictOf } from './verdict.ts';

/** One host as `status --json` tells it: the overview without its nights, and what is wrong in words. */
export interface HostStatus extends Omit<HostOverview, 'nights'> {
  readonly standing: Standing;
  readonly ageMs: number | null;
  readonly troubles: readonly string[];
}

export interface Status {
  readonly head: string | null;
  readonly madeAt: string;
  readonly sentence: string;
  readonly hosts: readonly HostStatus[];
  /** What is wrong with the audit repository itself. */
  readonly findings: AuditOverview['findings'];
  readonly exitCode: 0 | 5;
}

export type Paint = (tone: Standing, text: string) => string;

const WIDTH = 80;
const LEAST_HOST = 8;

/** `overview` as `status` tells it: all hosts, or those that are named. The exit code is that of `validate`, for these hosts. */
export function statusOf(overview: AuditOverview, named: readonly string[]): Status {
  const isWanted = ({ host }: HostOverview) => named.length === 0 || named.includes(host);
  const chosen = { ...overview, hosts: overview.hosts.filter(isWanted), retired: overview.retired.filter(isWanted) };
  const findings = [...chosen.findings, ...[...chosen.hosts, ...chosen.retired].flatMap((host) => host.findings)];
  const madeAt = Date.parse(overview.madeAt);
  return {
    head: overview.head,
    madeAt: overview.madeAt,
    sentence: verdictOf(chosen).sentence,
    hosts: chosen.hosts.map((host) => {
      const { nights: _, ...rest } = host;
      const last = host.latestSucceeded;
      const ageMs = last && madeAt - Date.parse(last.startedAt);
      const troubles = troublesOf(host).map(({ text }) => text);
      return { ...rest, standing: standingOf(host), ageMs, troubles };
    }),
    findings: chosen.findings,
    exitCode: findings.some(({ severity }) => severity === 'error') ? 5 : 0,
  };
}

/** A line a host, within 80 columns, and the sentence of the page. */
export function formatStatus(status: Status, paint: Paint = (_, text) => text): string {
  const head = ['host', 'last good', 'age', 'size', 'copies', 'drill', 'what is wrong'];
  const rows = status.hosts.map((host) => rowOf(host, Date.parse(status.madeAt)));
  const [shortHead, shortRows] = fitted(head, rows);
  const [title = '', ...lines] = formatTable(shortHead, shortRows, RIGHT).split('\n');
  const start = title.length - (shortHead.at(-1)?.length ?? 0);
  const painted = lines.map((line, n) => {
    const tone = status.hosts[n]?.standing ?? 'good';
    return `${line.slice(0, start)}${paint(tone, line.slice(start))}`;
  });
  const stray = status.findings.map(({ severity, path, message }) =>
    onOneLine(`${severity}: ${path ?? 'the repository'}: ${message}`),
  );
  const hint = status.exitCode === 0 ? [] : ['hint: each finding, and what to do: npx zx tasks/validate.ts'];
  const tone = status.exitCode === 0 ? 'good' : 'bad';
  return [title, ...painted, '', ...stray, paint(tone, status.sentence), ...hint].join('\n');
}

/** Age and size are numbers. */
const RIGHT: ReadonlySet<number> = new Set([2, 3]);

type Table = readonly [readonly string[], readonly (readonly string[])[]];

/** The first column and the last one as short as they have to be. */
function fitted(head: readonly string[], rows: readonly (readonly string[])[]): Table {
  const inner = ([_, ...cells]: readonly string[]) => cells.slice(0, -1);
  const lines = formatTable(
    ['', ...inner(head)],
    rows.map((row) => ['', ...inner(row)]),
    RIGHT,
  ).split('\n');
  const left = WIDTH - Math.max(...lines.map(({ length }) => length)) - 2;
  const longest = Math.max(...[head, ...rows].map(([name = '']) => name.length));
  const name = Math.min(longest, Math.max(LEAST_HOST, left - (head.at(-1)?.length ?? 0)));
  const fit = (row: readonly string[]) => [
    shorten(row[0] ?? '', name),
    ...inner(row),
    shorten(row.at(-1) ?? '', left - name),
  ];
  return [fit(head), rows.map(fit)];
}

function rowOf(host: HostStatus, now: number): string[] {
  const { latestSucceeded: last, ageMs, copied, drill } = host;
  const [newest] = copied;
  return [
    host.host,
    last ? last.startedAt.slice(5, 16).replace('T', ' ') : 'never',
    ageMs === null ? '-' : formatAge(ageMs),
    last ? formatBytes(last.sealedBytes) : '-',
    newest ? countCopies(newest.copies) : '-',
    drill?.latestProof ? formatAge(now - Date.parse(drill.latestProof.finishedAt)) : drill ? 'none' : '-',
    host.standing === 'good' ? 'nothing' : troublesOfStatus(host),
  ];
}

function troublesOfStatus(host: HostStatus): string {
  return troublesOf({ ...host, nights: [] })
    .map(({ terse }) => terse)
    .join(', ');
}

function shorten(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}

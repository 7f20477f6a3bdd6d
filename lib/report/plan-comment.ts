import type { Change } from '../model/plan.ts';
import type { ProvisionResult, ToldFailure, ToldOutcome } from '../model/provision-result.ts';
import { codeBlock, inlineCode, visible } from './markdown.ts';

/** The first line of every comment with plans; GitHub does not show it. */
export const PLAN_MARKER = '<!-- coffre: plan of the hosts -->';

/** GitHub refuses a body above 65,536 characters. Bytes are counted here: there are never fewer of them. */
const LIMIT = 65_536;

/** How much of a plan is shown: the first that fits is taken. */
interface Measure {
  /** Rows of the table. Where some are missing, `lines` is 0. */
  readonly hosts: number;
  /** Lines of each host's changes, and as many of its remarks; 0 leaves the block out. */
  readonly lines: number;
  /** Characters of one line, or of one text in the table. */
  readonly characters: number;
}

const ALL = Number.POSITIVE_INFINITY;
const MEASURES: readonly Measure[] = [
  { hosts: ALL, lines: ALL, characters: ALL },
  { hosts: ALL, lines: ALL, characters: 500 },
  ...[1000, 300, 100, 30, 10].map((lines) => ({ hosts: ALL, lines, characters: 200 })),
  { hosts: ALL, lines: 0, characters: 200 },
  ...[300, 100, 30].map((hosts) => ({ hosts, lines: 0, characters: 80 })),
];

/**
 * The plans of all hosts as a comment of a pull request: a table of the hosts, those that failed first; what would
 * change on each, folded; and the commit that was planned. Not longer than GitHub takes, and when something was left
 * out, a sentence says what.
 */
export function formatPlanComment(result: ProvisionResult, commit: string): string {
  let text = '';
  for (const measure of MEASURES) {
    text = render(result, commit, measure);
    if (Buffer.byteLength(text) <= LIMIT) break;
  }
  return text;
}

function render(result: ProvisionResult, commit: string, measure: Measure): string {
  const body = 'error' in result ? renderFailure(result.error, measure) : renderHosts(result.data.hosts, measure);
  const shortened = measure.characters === ALL ? [] : ['', 'To fit into a comment, long lines end in …'];
  return [PLAN_MARKER, ...body, ...shortened, '', `Planned at commit ${commit}`, ''].join('\n');
}

function renderFailure(error: ToldFailure, measure: Measure): string[] {
  const { shown, left } = cut(error.findings, measure.lines);
  return [
    '### No plan',
    '',
    ...explain(error, measure),
    ...(shown.length === 0 ? [] : ['', block('text', shown, measure)]),
    ...(left === 0
      ? []
      : ['', `To fit into a comment, ${count(left, 'finding')} of ${error.findings.length} are left out.`]),
  ];
}

function renderHosts(outcomes: readonly ToldOutcome[], measure: Measure): string[] {
  const sorted = [...outcomes].sort((a, b) => weight(a) - weight(b) || (a.host < b.host ? -1 : 1));
  const { shown, left } = cut(sorted, measure.hosts);
  const folded = sorted.map((outcome) => renderHost(outcome, measure));
  const lines = folded.reduce((sum, each) => sum + each.left, 0);
  const omitted = [
    ...(left === 0 ? [] : [`${count(left, 'host')} of ${outcomes.length}`]),
    ...(lines === 0 ? [] : [`${count(lines, 'line')} of changes and remarks`]),
  ];
  return [
    `### Plan of ${count(outcomes.length, 'host')}`,
    '',
    summarize(outcomes),
    '',
    '| Host | Create | Change | Remove | Remarks |',
    '|---|--:|--:|--:|---|',
    ...shown.map((outcome) => tableRow(outcome, measure)),
    '',
    ...folded.flatMap((each) => each.text),
    ...(omitted.length === 0
      ? []
      : [`To fit into a comment, ${omitted.join(' and ')} are left out: \`provision --dry-run\` prints everything.`]),
  ];
}

function summarize(outcomes: readonly ToldOutcome[]): string {
  const changing = outcomes.filter((outcome) => weight(outcome) === 1).length;
  const failed = outcomes.filter(({ ok }) => !ok).length;
  return [
    changing === 0 ? 'Nothing would change' : `${count(changing, 'host')} would change`,
    ...(failed === 0 ? [] : [`**${count(failed, 'host')} could not be planned**`]),
  ].join('; ');
}

function tableRow(outcome: ToldOutcome, measure: Measure): string {
  const host = inlineCode(outcome.host);
  if (!outcome.ok) return `| ${host} | | | | ${explain(outcome.error, measure).join('<br>')} |`;
  const { changes, remarks } = outcome.plan;
  const tally = (action: string) => String(changes.filter((change) => change.action === action).length);
  return `| ${host} | ${['create', 'change', 'remove'].map(tally).join(' | ')} | ${remarks.length} |`;
}

/** One host's block, and how many of its lines are not in it. */
function renderHost(outcome: ToldOutcome, measure: Measure): { readonly text: string[]; readonly left: number } {
  const changes = outcome.ok ? outcome.plan.changes.flatMap(changeLines) : [];
  const remarks = outcome.ok
    ? outcome.plan.remarks.flatMap(({ text, hint }) => [`remark: ${text}`, `hint:   ${hint}`])
    : outcome.error.findings;
  const blocks = [
    { language: 'diff' as const, ...cut(changes, measure.lines) },
    { language: 'text' as const, ...cut(remarks, measure.lines) },
  ];
  const left = blocks.reduce((sum, each) => sum + each.left, 0);
  const shown = blocks.filter((each) => each.shown.length > 0);
  if (shown.length === 0) return { text: [], left };
  // A blank line on each side of Markdown: between them, GitHub reads HTML.
  const text = shown.flatMap(({ language, shown: lines, left: hidden }) => [
    block(language, lines, measure),
    '',
    ...(hidden === 0 ? [] : [`… and ${count(hidden, 'more line')}`, '']),
  ]);
  return { text: [`<details><summary>${inlineCode(outcome.host)}</summary>`, '', ...text, '</details>', ''], left };
}

function block(language: 'diff' | 'text', lines: readonly string[], measure: Measure): string {
  const shortened = lines.map((line) => shorten(line, measure));
  return codeBlock(language, shortened);
}

function changeLines({ action, kind, name, lines }: Change): string[] {
  return [`@@ ${action} ${kind} ${name} @@`, ...lines];
}

function explain({ message, hint }: ToldFailure, measure: Measure): string[] {
  return [
    `error: ${inlineCode(shorten(message, measure))}`,
    ...(hint ? [`hint: ${inlineCode(shorten(hint, measure))}`] : []),
  ];
}

function weight(outcome: ToldOutcome): number {
  if (!outcome.ok) return 0;
  return outcome.plan.changes.length > 0 ? 1 : 2;
}

function cut<T>(all: readonly T[], most: number): { readonly shown: readonly T[]; readonly left: number } {
  return { shown: all.slice(0, most), left: Math.max(0, all.length - most) };
}

function shorten(text: string, { characters }: Measure): string {
  const line = [...visible(text)];
  return line.length <= characters ? line.join('') : `${line.slice(0, characters).join('')}…`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

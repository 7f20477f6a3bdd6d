import type { HostName } from '../model/names.ts';
import type { ToldFinding, ToldValidation } from '../model/told-validation.ts';
import { codeBlock, visible } from './markdown.ts';

/** What an issue of the watchdog is about: one host, or everything that is no host's own. */
export type AuditSubject = { readonly kind: 'host'; readonly host: HostName } | { readonly kind: 'repository' };

/** What `validate` says of one subject. */
export interface AuditState {
  readonly subject: AuditSubject;
  readonly errors: readonly ToldFinding[];
  readonly warnings: readonly ToldFinding[];
  /** The run of a host to restore from; null when there is none, or when the subject is no host. */
  readonly lastGoodRun: string | null;
}

/** GitHub refuses a body above 65,536 characters. Bytes are counted here: there are never fewer of them. */
const LIMIT = 60_000;
const HEAD_LINE = /^<!-- coffre: head ([0-9a-f]{40,64}) -->$/;

/** The first line of an issue of ours; GitHub does not show it. */
export function issueMarker(subject: AuditSubject): string {
  return subject.kind === 'host' ? `<!-- coffre: audit of host ${subject.host} -->` : '<!-- coffre: audit -->';
}

export function issueTitle(subject: AuditSubject): string {
  return subject.kind === 'host' ? `coffre: ${subject.host}` : 'coffre: the audit repository';
}

/** The body for a host that something is wrong with. */
export function formatHostIssue(state: AuditState): string {
  const last = state.lastGoodRun === null ? 'No run of it is known to have succeeded.' : lastRun(state.lastGoodRun);
  return [
    issueMarker(state.subject),
    `Of this host, \`validate\` tells ${tally(state)}. ${last}`,
    '',
    ...findingsOf(state),
    '',
    'This text follows what each run of the workflow finds, and the issue is closed once there is no error any more.',
    '',
  ].join('\n');
}

/**
 * The body for the repository itself: what is wrong with it, if anything, and the commit that its history has to
 * contain from now on. Nobody can push to an issue, so that whoever rewrites the history cannot rewrite this.
 */
export function formatRepositoryIssue(state: AuditState, head: string | null): string {
  return [
    issueMarker(state.subject),
    ...(head === null ? [] : [`<!-- coffre: head ${head} -->`]),
    state.errors.length === 0
      ? 'Nothing is wrong with the audit repository as a whole.'
      : `Of the audit repository as a whole, \`validate\` tells ${tally(state)}.`,
    '',
    ...findingsOf(state),
    ...(head === null ? [] : ['', ...explainHead(head)]),
    '',
    'This text follows what each run of the workflow finds. The issue is open while there is an error.',
    '',
  ].join('\n');
}

/** The body when `validate` came to no verdict. The head that was known stays known. */
export function formatFailureIssue(
  validation: Extract<ToldValidation, { error: unknown }>,
  head: string | null,
): string {
  const { message, hint, findings } = validation.error;
  const lines = [...findings, `error: ${message}`, ...(hint ? [`hint: ${hint}`] : [])];
  return [
    issueMarker({ kind: 'repository' }),
    ...(head === null ? [] : [`<!-- coffre: head ${head} -->`]),
    '`validate` came to no verdict: nobody watches the backups until this is mended.',
    '',
    codeBlock('text', fitting(lines).shown),
    ...(head === null ? [] : ['', ...explainHead(head)]),
    '',
  ].join('\n');
}

/** The comment on an issue that is opened again, or closed. */
export function formatTurn(turn: 'red' | 'green', state: AuditState, head: string | null): string {
  const commit = head === null ? 'an empty repository' : `commit ${head}`;
  return turn === 'red' ? `Red again, at ${commit}: ${tally(state)}.` : `Green at ${commit}: no error any more.`;
}

/** The head that a body of ours remembers; null when it names none. */
export function rememberedHead(body: string): string | null {
  return HEAD_LINE.exec(body.split('\n', 2)[1]?.trimEnd() ?? '')?.[1] ?? null;
}

function explainHead(head: string): string[] {
  return [
    `The history of the audit repository has to contain \`${head}\` from now on, or \`validate\` tells that it was rewritten.`,
    'That commit is remembered here because nobody can push to an issue, and every edit of one is on record. Where the history',
    'was rewritten on purpose, edit this text: the second line, which GitHub does not show, names the commit.',
  ];
}

function lastRun(run: string): string {
  return /^[0-9TZ-]+$/.test(run) ? `The last run that succeeded is \`${run}\`.` : '';
}

function tally({ errors, warnings }: AuditState): string {
  return [count(errors.length, 'error'), ...(warnings.length === 0 ? [] : [count(warnings.length, 'warning')])].join(
    ' and ',
  );
}

function findingsOf({ errors, warnings }: AuditState): string[] {
  const all = [...errors, ...warnings];
  if (all.length === 0) return [];
  const told = all.map(({ severity, rule, path, message, hint }) => [
    `${severity}: ${path === null ? '' : `${path}: `}${message} (${rule})`,
    `hint: ${hint}`,
  ]);
  const { shown, left } = fitting(told.flat());
  const more = Math.ceil(left / 2);
  return [
    codeBlock('text', shown),
    ...(more === 0 ? [] : ['', `To fit into an issue, ${count(more, 'finding')} of ${all.length} are left out.`]),
  ];
}

/** As many of `lines`, each shortened, as an issue has room for, and how many are left out. */
function fitting(lines: readonly string[]): { readonly shown: readonly string[]; readonly left: number } {
  const shown: string[] = [];
  let bytes = 0;
  for (const line of lines) {
    const text = shorten(line);
    bytes += Buffer.byteLength(text) + 1;
    if (bytes > LIMIT / 2) break;
    shown.push(text);
  }
  // A finding and its hint stay together.
  if (shown.length < lines.length && shown.length % 2 === 1) shown.pop();
  return { shown, left: lines.length - shown.length };
}

function shorten(text: string): string {
  const line = [...visible(text)];
  return line.length <= 500 ? line.join('') : `${line.slice(0, 500).join('')}…`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

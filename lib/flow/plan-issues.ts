import { HostName } from '../model/names.ts';
import type { ToldFinding, ToldValidation } from '../model/told-validation.ts';
import {
  type AuditState,
  type AuditSubject,
  formatFailureIssue,
  formatHostIssue,
  formatRepositoryIssue,
  formatTurn,
  issueMarker,
  issueTitle,
  rememberedHead,
} from '../report/audit-issue.ts';
import type { RepositoryIssue } from '../system/github-issues.ts';

/** The label of our issues. It makes them easy to find; what makes one ours is its author and its first line. */
export const AUDIT_LABEL = 'coffre';

/** What is to be done to one issue. A value: a dry run prints the same one that is carried out. */
export type IssueAction =
  | { readonly kind: 'open'; readonly subject: AuditSubject; readonly title: string; readonly body: string }
  /** The memory of a repository with which all is well: an issue that was never open for anybody to look at. */
  | { readonly kind: 'remember'; readonly subject: AuditSubject; readonly title: string; readonly body: string }
  | (Existing & { readonly kind: 'update'; readonly body: string })
  | (Existing & { readonly kind: 'reopen' | 'close'; readonly body: string; readonly comment: string })
  | (Existing & { readonly kind: 'close-duplicate'; readonly comment: string });

interface Existing {
  readonly subject: AuditSubject;
  readonly number: number;
  readonly labels: readonly string[];
}

interface Wanted extends AuditState {
  readonly red: boolean;
  readonly body: string;
  readonly head: string | null;
}

/**
 * What brings our issues in line with what `validate` has found: one for each host with an error, and one for the
 * repository itself, which also keeps the head that was validated last. `ours` are the issues that our own user has
 * opened, the oldest first; `known` is the head that `validate` was told to look for.
 */
export function planIssues(
  validation: ToldValidation,
  ours: readonly RepositoryIssue[],
  known: string | null,
): IssueAction[] {
  const bySubject = new Map<string, { readonly subject: AuditSubject; readonly issues: RepositoryIssue[] }>();
  for (const issue of ours) {
    const subject = subjectOf(issue);
    if (!subject) continue;
    const entry = bySubject.get(issueMarker(subject)) ?? { subject, issues: [] };
    entry.issues.push(issue);
    bySubject.set(issueMarker(subject), entry);
  }
  const kept = (subject: AuditSubject) => bySubject.get(issueMarker(subject))?.issues[0];
  const repository = wantedOfRepository(validation, kept({ kind: 'repository' }), known);
  const seen = [...bySubject.values()].flatMap(({ subject }) => (subject.kind === 'host' ? [subject.host] : []));
  const hosts = 'error' in validation ? [] : wantedOfHosts(validation, seen);
  const duplicates = [...bySubject.values()].flatMap(({ subject, issues: [first, ...further] }) =>
    further
      .filter(({ open }) => open)
      .map(({ number, labels }) => ({
        ...{ kind: 'close-duplicate' as const, subject, number, labels },
        comment: `The same as #${first?.number}, which goes on.`,
      })),
  );
  return [...[repository, ...hosts].flatMap((wanted) => actionFor(wanted, kept(wanted.subject))), ...duplicates];
}

/** The issue that keeps the head, of those that our own user has opened. */
export function repositoryIssueOf(ours: readonly RepositoryIssue[]): RepositoryIssue | undefined {
  return ours.find((issue) => subjectOf(issue)?.kind === 'repository');
}

function subjectOf({ body }: RepositoryIssue): AuditSubject | undefined {
  const first = body.split('\n', 1)[0]?.trimEnd() ?? '';
  if (first === issueMarker({ kind: 'repository' })) return { kind: 'repository' };
  const host = HostName.safeParse(/^<!-- coffre: audit of host (\S+) -->$/.exec(first)?.[1]);
  return host.success ? { kind: 'host', host: host.data } : undefined;
}

function actionFor(wanted: Wanted, issue: RepositoryIssue | undefined): IssueAction[] {
  const { subject, red, body, head } = wanted;
  if (!issue) {
    const made = { subject, title: issueTitle(subject), body };
    if (red) return [{ kind: 'open', ...made }];
    return subject.kind === 'repository' && head !== null ? [{ kind: 'remember', ...made }] : [];
  }
  const { number, labels } = issue;
  const existing = { subject, number, labels: labels.includes(AUDIT_LABEL) ? labels : [...labels, AUDIT_LABEL] };
  const turn = red ? 'red' : 'green';
  if (red !== issue.open) {
    return [{ kind: red ? 'reopen' : 'close', ...existing, body, comment: formatTurn(turn, wanted, head) }];
  }
  const isSame = plain(body) === plain(issue.body) && existing.labels === labels;
  return isSame || (!red && subject.kind === 'host') ? [] : [{ kind: 'update', ...existing, body }];
}

/** GitHub's own editor ends lines as forms do. */
function plain(text: string): string {
  return text.replaceAll('\r\n', '\n').trimEnd();
}

function wantedOfRepository(
  validation: ToldValidation,
  issue: RepositoryIssue | undefined,
  known: string | null,
): Wanted {
  const subject: AuditSubject = { kind: 'repository' };
  const remembered = issue ? rememberedHead(issue.body) : null;
  if ('error' in validation) {
    const body = formatFailureIssue(validation, remembered);
    return { subject, errors: [], warnings: [], lastGoodRun: null, red: true, body, head: remembered };
  }
  const { findings } = validation.data;
  const state = stateOf(
    subject,
    findings.filter(({ host }) => host === null),
    null,
  );
  // Another run may have moved it meanwhile: what this one has seen was not compared with that.
  const extended = remembered === known && !findings.some(isAboutTheWholeHistory);
  const head = extended ? (validation.data.head ?? remembered) : remembered;
  return { ...state, red: state.errors.length > 0, body: formatRepositoryIssue(state, head), head };
}

/** A head that was rewritten, or could not be compared, is never remembered: the one before it stays. */
function isAboutTheWholeHistory({ rule, severity, host, path }: ToldFinding): boolean {
  return rule === 'append-only' && severity === 'error' && host === null && path === null;
}

function wantedOfHosts(
  { data }: Extract<ToldValidation, { data: unknown }>,
  seen: readonly HostName[],
): readonly Wanted[] {
  const found = data.findings.flatMap(({ host }) => (host === null ? [] : [host]));
  return [...new Set([...found, ...seen])].sort().map((host) => {
    const last = data.hosts.find((each) => each.host === host)?.latestSucceeded?.run ?? null;
    const state = stateOf(
      { kind: 'host', host },
      data.findings.filter((finding) => finding.host === host),
      last,
    );
    return { ...state, red: state.errors.length > 0, body: formatHostIssue(state), head: data.head };
  });
}

function stateOf(subject: AuditSubject, findings: readonly ToldFinding[], lastGoodRun: string | null): AuditState {
  const errors = findings.filter(({ severity }) => severity === 'error');
  const warnings = findings.filter(({ severity }) => severity !== 'error');
  return { subject, errors, warnings, lastGoodRun };
}

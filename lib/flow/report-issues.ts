import { CoffreError } from '../model/error.ts';
import type { ToldValidation } from '../model/told-validation.ts';
import { type AuditSubject, rememberedHead } from '../report/audit-issue.ts';
import type { RepositoryIssue, RepositoryIssues } from '../system/github-issues.ts';
import { AUDIT_LABEL, type IssueAction, planIssues, repositoryIssueOf } from './plan-issues.ts';

export interface ReportOrder {
  readonly validation: ToldValidation;
  /** The head that `validate` was told to look for; null when it was told none. */
  readonly known: string | null;
  readonly dryRun: boolean;
}

/** What was done, or would be, to one issue. */
export interface ReportedIssue {
  readonly action: IssueAction['kind'];
  /** A host, or null for the repository itself. */
  readonly host: string | null;
  /** null for one that is not there yet. */
  readonly number: number | null;
}

const LABEL = { name: AUDIT_LABEL, color: 'b60205', description: 'What the watchdog of the backups has found' };

/**
 * Brings the issues at GitHub in line with what `validate` has found. Only issues that our own user has opened, and
 * that begin with our marker, are touched. Whatever interrupts it, the next one finishes it. An issue that GitHub
 * refuses to change does not keep the others from being told: the first such failure is thrown at the end.
 */
export async function reportIssues(issues: RepositoryIssues, order: ReportOrder): Promise<readonly ReportedIssue[]> {
  const ours = await ownIssues(issues);
  const actions = planIssues(order.validation, ours, order.known);
  const reported: ReportedIssue[] = [];
  const failures: CoffreError[] = [];
  if (actions.length > 0 && !order.dryRun) await issues.provideLabel(LABEL);
  for (const action of actions) {
    const known = 'number' in action ? action.number : null;
    try {
      const number = order.dryRun ? known : await carryOut(issues, action);
      reported.push({ action: action.kind, host: hostOf(action.subject), number });
    } catch (error) {
      if (!(error instanceof CoffreError) || !['not-found', 'unexpected'].includes(error.code)) throw error;
      failures.push(error);
    }
  }
  if (failures[0]) throw failures[0];
  return reported;
}

/** The head that was validated last, as the issue of the repository keeps it; null when none does. */
export async function recallHead(issues: RepositoryIssues): Promise<string | null> {
  const issue = repositoryIssueOf(await ownIssues(issues));
  return issue ? rememberedHead(issue.body) : null;
}

async function ownIssues(issues: RepositoryIssues): Promise<readonly RepositoryIssue[]> {
  const self = await issues.self();
  return (await issues.list(AUDIT_LABEL)).filter(({ author }) => author === self);
}

/** Does it, and returns the number of the issue. The comment comes last: what a kill may leave out is only that. */
async function carryOut(issues: RepositoryIssues, action: IssueAction): Promise<number> {
  switch (action.kind) {
    case 'open':
      return (await createOnce(issues, action)).number;
    case 'remember': {
      const { number } = await createOnce(issues, action);
      await issues.update(number, { open: false });
      return number;
    }
    case 'update':
      await issues.update(action.number, { body: action.body, labels: action.labels });
      return action.number;
    case 'close':
    case 'reopen':
      await issues.update(action.number, {
        ...{ open: action.kind === 'reopen', labels: action.labels },
        // What was wrong stays to be read in the issue of a host that is well again.
        ...(action.kind === 'close' && action.subject.kind === 'host' ? {} : { body: action.body }),
      });
      await issues.comment(action.number, action.comment);
      return action.number;
    case 'close-duplicate':
      await issues.update(action.number, { open: false });
      await issues.comment(action.number, action.comment);
      return action.number;
  }
}

/** A lost answer does not mean that GitHub has not made the issue: a look tells, and only then is it sent again. */
async function createOnce(
  issues: RepositoryIssues,
  { title, body }: { readonly title: string; readonly body: string },
): Promise<RepositoryIssue> {
  try {
    return await issues.create(title, body, AUDIT_LABEL);
  } catch (error) {
    if (!(error instanceof CoffreError && error.code === 'github-unreachable')) throw error;
    const made = (await ownIssues(issues)).find((issue) => issue.body.trimEnd() === body.trimEnd());
    return made ?? (await issues.create(title, body, AUDIT_LABEL));
  }
}

function hostOf(subject: AuditSubject): string | null {
  return subject.kind === 'host' ? subject.host : null;
}

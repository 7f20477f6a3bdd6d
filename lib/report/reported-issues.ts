interface Reported {
  readonly action: 'open' | 'remember' | 'update' | 'reopen' | 'close' | 'close-duplicate';
  readonly host: string | null;
  readonly number: number | null;
}

const WORDS = {
  open: 'opened',
  remember: 'remembers the head that was validated',
  update: 'updated',
  reopen: 'opened again',
  close: 'closed',
  'close-duplicate': 'closed, because there is another one',
} as const;

/** What was done to the issues, or would be, for a person: a line for each. */
export function formatReportedIssues(reported: readonly Reported[], dryRun: boolean): string {
  if (reported.length === 0) return 'the issues are as they should be';
  const lines = reported.map(({ action, host, number }) => {
    const issue = number === null ? 'a new issue' : `issue ${number}`;
    return `${host ?? 'the audit repository'}: ${issue}: ${WORDS[action]}`;
  });
  return [...lines, ...(dryRun ? ['this was a dry run: nothing has been changed'] : [])].join('\n');
}

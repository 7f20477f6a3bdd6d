import { count } from './plan.ts';

interface Initialized {
  readonly remote: string;
  readonly branch: string;
  readonly github: string | null;
  readonly changes: readonly unknown[];
  readonly commit: string | null;
  readonly noWorkflow: string | null;
  readonly dryRun: boolean;
}

/** What has become of the audit repository, and what only its keeper can do, for a person. */
export function formatAuditInit(result: Initialized): string {
  const { remote, branch, github, commit, changes, noWorkflow, dryRun } = result;
  const done =
    commit !== null
      ? `${remote}: ${count(changes.length)} pushed to ${branch} as ${commit.slice(0, 12)}`
      : dryRun && changes.length > 0
        ? 'this was a dry run: nothing has been pushed'
        : `${remote}: everything is as it should be`;
  return [
    done,
    ...(noWorkflow === null ? [] : [`no workflow, because ${noWorkflow}`]),
    '',
    'What only its keeper can do:',
    ...(github === null ? adviceFor(remote) : adviceAtGitHub(github, branch, noWorkflow === null)),
  ].join('\n');
}

function adviceAtGitHub(repository: string, branch: string, hasWorkflow: boolean): string[] {
  return [
    `- https://github.com/${repository}/settings/rules: a branch ruleset for ${branch} that is active, with nobody to bypass it:`,
    '  "Restrict deletions" and "Block force pushes". No pull requests are demanded: hosts push by themselves.',
    '- in the same place, where your plan has it, a push ruleset that restricts the paths .github/**/* and allowed_signers, with',
    '  you alone to bypass it. Or let the hosts push as a GitHub App with Contents: write, and without Workflows.',
    `- make ${branch} the default branch: only there do workflows run by the clock.`,
    ...(hasWorkflow
      ? [
          '- the secret COFFRE_INVENTORY_KEY, if the repository of the inventory is private: a deploy key of it, read-only.',
          '- the variable COFFRE_PAGES=on, if the page shall be published with GitHub Pages ("Source: GitHub Actions").',
          '- leave Issues on: the watchdog tells there what is wrong, and keeps the head that it has validated.',
        ]
      : []),
    '- where the hosts are not to be trusted with the watchdog, run it from the repository of the inventory: its',
    '  .github/workflows/audit.yml, with the variable COFFRE_AUDIT_REPOSITORY.',
  ];
}

function adviceFor(remote: string): string[] {
  return [
    `- no history may be rewritten there. Where ${remote} is a bare repository of yours, in it:`,
    '  git config receive.denyNonFastForwards true && git config receive.denyDeletes true',
    '- let each host push with a key of its own, which provisioning tells.',
    '- run validate every few hours where no host can log in, and let it tell somebody when its exit code is not 0.',
  ];
}

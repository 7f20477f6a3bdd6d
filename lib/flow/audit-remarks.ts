import { openAuditGitHub } from '../audit/audit-github.ts';
import type { AuditConfig, GitHubAudit } from '../model/audit-config.ts';
import { asCoffreError } from '../model/error.ts';
import type { Remark } from '../model/plan.ts';
import { quotePosix } from '../system/command.ts';
import type { GitHubGit } from '../system/github-git.ts';
import { readSecrets } from '../system/secrets.ts';

const TIMEOUT_MS = 10_000;
const PROBE = 'coffre looks whether it can write here. Nothing names this file, and GitHub clears it away.\n';

/** An audit repository, as the machine that publishes to it reaches it. */
interface Publisher {
  readonly audit: AuditConfig;
  /** Its .env file. */
  readonly secretsFile: string;
  /** Whether the right to write is tried, and not only asked for: that leaves a file that nothing names. */
  readonly tries: boolean;
}

/**
 * Looks whether this machine could publish at GitHub, and tells what keeps it from that. Nothing is said of other kinds: their
 * keys have still to be let in when a machine is provisioned.
 */
export async function auditRemarks({ audit, secretsFile, tries }: Publisher): Promise<readonly Remark[]> {
  if (audit.kind !== 'github') return [];
  try {
    const unset = await unsetSecret(audit, secretsFile);
    if (unset !== undefined) return [unset];
    const git = await openAuditGitHub(audit, secretsFile, { timeoutMs: TIMEOUT_MS });
    const told = await tellRepository(git, audit);
    if (told.some(({ code }) => code !== undefined)) return told;
    // Of a fine-grained token GitHub tells what its owner may do, and not what the token may.
    const { kind } = await git.head(audit.branch);
    if (tries && kind !== 'empty') await git.writeBlob(Buffer.from(PROBE));
    return told;
  } catch (error) {
    const { code, message, hint = 'look at audit in the inventory' } = asCoffreError(error);
    if (code === 'interrupted') throw error;
    return [{ text: `nothing can be published: ${message}`, hint, code }];
  }
}

async function tellRepository(git: GitHubGit, { repository }: GitHubAudit): Promise<readonly Remark[]> {
  const { fullName, isArchived, isPrivate, mayPush } = await git.repository();
  const unfit = { code: 'audit-unreachable' } as const;
  const advice = { advice: true } as const;
  return [
    ...(isArchived
      ? [
          {
            text: `nothing can be published: ${repository} is archived`,
            hint: 'at GitHub, Settings: unarchive it',
            ...unfit,
          },
        ]
      : []),
    ...(mayPush === false
      ? [
          {
            text: `nothing can be published: the token may read ${repository}, and not write to it`,
            hint: 'it needs the permission Contents: read and write, for this repository alone',
            ...unfit,
          },
        ]
      : []),
    ...(fullName.toLowerCase() === repository.toLowerCase()
      ? []
      : [
          {
            text: `${repository} is called ${fullName} now`,
            hint: `write audit.repository: ${fullName} in the inventory; until somebody takes the old name, GitHub leads from it to the new one`,
            ...advice,
          },
        ]),
    ...(isPrivate
      ? []
      : [
          {
            text: `${repository} is public: everybody can read names and sizes of databases`,
            hint: 'at GitHub, Settings: make it private, unless that is what you want',
            ...advice,
          },
        ]),
  ];
}

async function unsetSecret({ app, repository }: GitHubAudit, secretsFile: string): Promise<Remark | undefined> {
  const name = app === undefined ? 'COFFRE_GITHUB_TOKEN' : 'COFFRE_GITHUB_APP_KEY_FILE';
  if ((await readSecrets(secretsFile)).optional(name) !== undefined) return undefined;
  const first =
    app === undefined
      ? `make a fine-grained token for ${repository} alone, with Contents: read and write`
      : 'download a private key of the App onto this machine, mode 0600';
  return {
    text: `nothing can be published: ${secretsFile} does not set ${name}`,
    hint: `${first}; then, as root on that machine: umask 077; echo '${name}=…' >> ${quotePosix(secretsFile)}`,
    code: 'audit-unreachable',
  };
}

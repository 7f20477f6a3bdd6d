import { resolve } from 'node:path';
import { equipRepository } from '../audit/equip-repository.ts';
import type { Source } from '../audit/open-repository.ts';
import { repositoryFiles } from '../audit/repository-files.ts';
import { CoffreError } from '../model/error.ts';
import type { Emit } from '../model/event.ts';
import { parseGitRemote } from '../model/git-remote.ts';
import { GITHUB_HOST_KEY, githubRepositoryOf, isGitHubRepository } from '../model/github-address.ts';
import type { Inventory } from '../model/inventory.ts';
import type { Change } from '../model/plan.ts';
import type { Clock } from '../system/clock.ts';
import { exists } from '../system/files.ts';
import { publicText } from '../system/known-secrets.ts';
import { auditSource } from './audit-source.ts';
import { type NamedSources, watchdogSources } from './watchdog-sources.ts';

export interface AuditInitOrder {
  readonly inventory: Inventory;
  /** A Git remote, or `owner/name` at GitHub; what the inventory names if absent. */
  readonly remote?: string | undefined;
  /** Overrules the branch that the inventory names. */
  readonly branch?: string | undefined;
  readonly sources: NamedSources;
  readonly dryRun: boolean;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly signal?: AbortSignal;
}

export interface AuditInit {
  /** Without a password that stands in it. */
  readonly remote: string;
  readonly branch: string;
  /** `owner/name`, where the audit repository is at GitHub. */
  readonly github: string | null;
  readonly changes: readonly Change[];
  readonly commit: string | null;
  /** Why there is no workflow; null when there is one. */
  readonly noWorkflow: string | null;
  readonly dryRun: boolean;
}

/**
 * Makes an empty repository the audit repository of the inventory, or brings the files of one up to date that are no
 * records: README, allowed signers, attributes, and at GitHub a workflow that watches it. Emits the plan first.
 */
export async function auditInit(order: AuditInitOrder): Promise<AuditInit> {
  const { inventory, dryRun, clock, emit, signal } = order;
  const target = await targetOf(order);
  const github = githubRepositoryOf(target.location) ?? null;
  const sources = await workflowSources(order, github);
  const told = publicText(target.location);
  const { changes, commit } = await equipRepository({
    remote: target.location,
    branch: target.branch,
    options: {
      ...(target.ssh === undefined ? {} : { ssh: target.ssh }),
      ...(target.https === undefined ? {} : { https: target.https }),
      ...(signal === undefined ? {} : { signal }),
    },
    files: await repositoryFiles({
      branch: target.branch,
      allowedSigners: inventory.allowedSigners,
      watchdog: 'why' in sources ? null : sources,
    }),
    ...{ dryRun, clock },
    onPlan: (planned) => emit({ kind: 'changes', subject: told, changes: planned }),
  });
  const noWorkflow = 'why' in sources ? sources.why : null;
  return { remote: told, branch: target.branch, github, changes, commit, noWorkflow, dryRun };
}

async function workflowSources({ inventory, sources }: AuditInitOrder, github: string | null) {
  const asked = sources.software !== undefined || sources.inventory !== undefined;
  if (github === null && !asked) return { why: 'the audit repository is not at GitHub' };
  return await watchdogSources(inventory.folder, sources);
}

type Target = Source & { readonly branch: string };

async function targetOf({ inventory, remote, branch }: AuditInitOrder): Promise<Target> {
  if (branch !== undefined && !/^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$/.test(branch)) {
    throw new CoffreError('usage', `cannot use the branch ${JSON.stringify(branch)}: that is no name of one`, {
      hint: 'such as: --branch main',
    });
  }
  const known = await auditSource(inventory, undefined).catch((error: unknown) => {
    if (remote === undefined) throw error;
    return undefined;
  });
  const location = await locate(remote ?? known?.location ?? '');
  // What the inventory says of this very remote holds for it under its name here, too.
  const same = known !== undefined && (remote === undefined || known.location === location) ? known : undefined;
  const hostKey = same?.ssh?.hostKey ?? (githubRepositoryOf(location) ? GITHUB_HOST_KEY : undefined);
  return {
    location,
    branch: branch ?? same?.branch ?? 'main',
    ssh: { identity: same?.ssh?.identity, hostKey },
    ...(same?.https === undefined ? {} : { https: same.https }),
  };
}

async function locate(remote: string): Promise<string> {
  if (isGitHubRepository(remote) && !(await exists(remote))) return `git@github.com:${remote}.git`;
  const { transport, fault, hasPassword } = parseGitRemote(remote);
  if (transport === 'file' || (await exists(remote))) return resolve(remote.replace(/^file:\/\//, ''));
  const why = fault ?? (hasPassword ? 'a password stands in its address' : undefined);
  if (why === undefined) return remote;
  throw new CoffreError('usage', `cannot use the remote ${publicText(remote)}: ${why}`, {
    hint: 'name a remote such as git@github.com:acme/backup-audit.git, or acme/backup-audit with --repository',
  });
}

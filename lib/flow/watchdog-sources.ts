import { realpath } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import type { WatchdogSources } from '../audit/repository-files.ts';
import { CoffreError } from '../model/error.ts';
import { type GitHubRepository, githubRepositoryOf, isGitHubRepository } from '../model/github-address.ts';
import { exists } from '../system/files.ts';
import { runGit, tryGit } from '../system/git.ts';

export interface NamedSources {
  /** `owner/name@commit` of this software; where its own checkout comes from if absent. */
  readonly software?: string | undefined;
  /** `owner/name@branch` of the inventory; where its folder comes from if absent. */
  readonly inventory?: string | undefined;
}

/** A folder in a work tree, and what its repository says of itself. */
interface Checkout {
  readonly repository: GitHubRepository;
  readonly commit: string;
  readonly branch: string;
  /** The folder, within the repository. */
  readonly folder: string;
  readonly workTree: string;
}

const COMMIT = /^[0-9a-f]{40}$/;
const BRANCH = /^[A-Za-z0-9][A-Za-z0-9._/-]*$/;
/** It comes to stand in a command of the workflow. */
const FOLDER = /^[A-Za-z0-9._][A-Za-z0-9._/-]*$/;

/**
 * Where a workflow at GitHub finds this software and the inventory. A sentence instead, when that cannot be told and
 * nothing was named: then there can be no workflow. Throws `usage` for what is named and will not do, and for a commit
 * that GitHub does not have.
 */
export async function watchdogSources(
  inventoryFolder: string,
  named: NamedSources,
): Promise<WatchdogSources | { readonly why: string }> {
  const own = await checkoutOf(new URL('../..', import.meta.url).pathname);
  const held = await checkoutOf(inventoryFolder);
  const software = parseNamed('software', named.software, COMMIT) ?? (own && [own.repository, own.commit]);
  const inventory =
    parseNamed('inventory-repository', named.inventory, BRANCH) ?? (held && [held.repository, held.branch]);
  if (!software) return { why: 'the checkout of coffre comes from no repository at GitHub: name one with --software' };
  if (!inventory) return { why: 'the inventory is in no repository at GitHub: name one with --inventory-repository' };
  if (own && named.software === undefined) await assertPushed(own);
  const folder = held?.folder ?? 'inventory';
  if (!FOLDER.test(folder)) {
    throw new CoffreError(
      'usage',
      `cannot name the folder of the inventory, ${JSON.stringify(folder)}, in a workflow`,
      {
        hint: 'give it a name of letters, digits, dots and hyphens',
      },
    );
  }
  const [repository = '', commit = ''] = software;
  const [inventoryRepository = '', branch = ''] = inventory;
  return { software: { repository, commit }, inventory: { repository: inventoryRepository, branch, folder } };
}

function parseNamed(option: string, text: string | undefined, form: RegExp): readonly string[] | undefined {
  if (text === undefined) return undefined;
  const at = text.indexOf('@');
  const [repository, version] = [text.slice(0, at), text.slice(at + 1)];
  if (at > 0 && isGitHubRepository(repository) && form.test(version)) return [repository, version];
  const example = form === COMMIT ? `acme/backups@${'0123456789'.repeat(4)}` : 'acme/backups@main';
  throw new CoffreError('usage', `cannot read --${option} ${JSON.stringify(text)}`, { hint: `such as: ${example}` });
}

async function checkoutOf(folder: string): Promise<Checkout | undefined> {
  const place = await realpath(folder);
  const workTree = await workTreeOf(place);
  if (workTree === undefined) return undefined;
  const ask = async (...words: string[]) => {
    const ended = await tryGit(words, { cwd: workTree });
    return ended.exitCode === 0 ? ended.stdout.trim() : '';
  };
  const repository = githubRepositoryOf(await ask('config', '--get', 'remote.origin.url'));
  const commit = await ask('rev-parse', '--verify', '--quiet', 'HEAD');
  if (repository === undefined || commit === '') return undefined;
  const branch = await ask('symbolic-ref', '--quiet', '--short', 'HEAD');
  return { repository, commit, branch: branch || 'main', folder: relative(workTree, place) || '.', workTree };
}

async function assertPushed({ workTree, commit, repository }: Checkout): Promise<void> {
  if ((await runGit(['branch', '--remotes', '--contains', commit], { cwd: workTree })).trim() !== '') return;
  throw new CoffreError(
    'usage',
    `cannot name the commit ${commit} in a workflow: it has not been pushed to ${repository}`,
    {
      hint: 'push it first, or name another one: --software owner/name@COMMIT',
    },
  );
}

/** The folder above, or the one itself, that holds `.git`. */
async function workTreeOf(folder: string): Promise<string | undefined> {
  if (await exists(join(folder, '.git'))) return folder;
  return dirname(folder) === folder ? undefined : workTreeOf(dirname(folder));
}

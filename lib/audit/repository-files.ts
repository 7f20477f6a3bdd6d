import { readFile } from 'node:fs/promises';
import type { GitHubRepository } from '../model/github-address.ts';
import { sha256Of } from '../system/files.ts';
import { GIT_ATTRIBUTES } from './git-attributes.ts';

/** Where a workflow of the audit repository finds what it judges by. */
export interface WatchdogSources {
  /** This software, at the commit that is trusted with a token. */
  readonly software: { readonly repository: GitHubRepository; readonly commit: string };
  /** The inventory, as it is whenever the workflow runs. `folder` is within the repository. */
  readonly inventory: { readonly repository: GitHubRepository; readonly branch: string; readonly folder: string };
}

export interface RepositoryFacts {
  /** The branch that hosts publish to. */
  readonly branch: string;
  /** Text of the inventory's `allowed_signers`. */
  readonly allowedSigners: string;
  /** null where no workflow is wanted. */
  readonly watchdog: WatchdogSources | null;
}

/**
 * The files that an audit repository has besides its records, by path. They are the rule `belongs` of
 * `lib/audit/rules.ts` put the other way round: whatever this gives, that rule lets in.
 */
export async function repositoryFiles(facts: RepositoryFacts): Promise<ReadonlyMap<string, string>> {
  const { branch, allowedSigners, watchdog } = facts;
  return new Map([
    ['README.md', await template('README.md')],
    ['allowed_signers', allowedSigners],
    ['.gitattributes', GIT_ATTRIBUTES],
    ...(watchdog === null
      ? []
      : [['.github/workflows/audit.yml', fill(await template('audit.yml'), watchdog, branch)] as const]),
  ]);
}

/** What may stand for each of the values of `fill`. */
const VALUES: Readonly<Record<string, string>> = {
  minute: '[0-9]{1,2}',
  commit: '[0-9a-f]{40}',
  'software-key': 'COFFRE_(?:INVENTORY|SOFTWARE)_KEY',
};

/** Tells of a text whether it is the workflow that `repositoryFiles` gives, for whatever branch and sources: each the same throughout. */
export async function workflowTest(): Promise<(text: string) => boolean> {
  const [first = '', ...rest] = (await template('audit.yml')).split(/@([a-z-]+)@/);
  const seen = new Set<string>();
  const parts = rest.map((part, index) => {
    if (index % 2 === 1) return literal(part);
    const group = part.replaceAll('-', '_');
    if (seen.has(group)) return `\\k<${group}>`;
    seen.add(group);
    return `(?<${group}>${VALUES[part] ?? '[A-Za-z0-9._/-]{1,256}'})`;
  });
  const form = new RegExp(`^${[literal(first), ...parts].join('')}$`);
  return (text) => form.test(text);
}

function literal(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

function fill(text: string, { software, inventory }: WatchdogSources, branch: string): string {
  const values: Readonly<Record<string, string>> = {
    branch,
    minute: String(minuteOf(inventory.repository)),
    software: software.repository,
    commit: software.commit,
    'software-key': software.repository === inventory.repository ? 'COFFRE_INVENTORY_KEY' : 'COFFRE_SOFTWARE_KEY',
    inventory: inventory.repository,
    'inventory-branch': inventory.branch,
    'inventory-folder': inventory.folder,
  };
  return text.replace(/@([a-z-]+)@/g, (name, key: string) => values[key] ?? name);
}

/** An odd minute, always the same for one repository: at the full hour GitHub is late, and drops runs. */
function minuteOf(repository: GitHubRepository): number {
  return (Number.parseInt(sha256Of(repository).slice(0, 8), 16) % 29) * 2 + 1;
}

function template(name: string): Promise<string> {
  return readFile(new URL(`repository-files/${name}`, import.meta.url), 'utf8');
}

import type { GitHubGit } from '../system/github-git.ts';
import type { TreeEntry } from './git-objects.ts';

/** Everything below `folder`, a path with a closing slash, in the tree `root` at GitHub; nothing where there is no such folder. */
export async function readGitHubFolder(git: GitHubGit, root: string, folder: string): Promise<TreeEntry[]> {
  let tree = root;
  for (const name of folder.split('/').filter((step) => step !== '')) {
    const found = (await git.entries(tree, false)).entries.find(({ path }) => path === name);
    if (!found?.isFolder) return [];
    tree = found.object;
  }
  return await readBelow(git, tree, folder);
}

/** In one answer; folder by folder where GitHub leaves some of that out. */
async function readBelow(git: GitHubGit, tree: string, folder: string): Promise<TreeEntry[]> {
  const all = await git.entries(tree, true);
  const isWhole = all.isWhole;
  const { entries } = isWhole ? all : await git.entries(tree, false);
  const found: TreeEntry[] = [];
  for (const { path, mode, object, sizeBytes, isFolder } of entries) {
    if (!isFolder) found.push({ path: `${folder}${path}`, mode, object, sizeBytes });
    else if (!isWhole) found.push(...(await readBelow(git, object, `${folder}${path}/`)));
  }
  return found;
}

import * as z from 'zod';
import type { GitHub } from './github.ts';
import { refusalOf } from './github-failure.ts';

const ObjectId = z.string().regex(/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/);
const Ref = z.object({ object: z.object({ type: z.string(), sha: ObjectId }) });
const Commit = z.object({ sha: ObjectId, tree: z.object({ sha: ObjectId }) });
const Made = z.object({ sha: ObjectId });
const Tree = z.object({
  truncated: z.boolean(),
  tree: z.array(
    z.object({ path: z.string(), mode: z.string(), type: z.string(), sha: ObjectId, size: z.int().optional() }),
  ),
});
const Blob = z.object({ encoding: z.literal('base64'), content: z.string() });
const Repository = z.object({
  full_name: z.string(),
  private: z.boolean(),
  archived: z.boolean(),
  permissions: z.object({ push: z.boolean() }).optional(),
});

/** Where a branch is. */
export type BranchHead =
  | { readonly kind: 'commit'; readonly commit: string; readonly tree: string }
  /** The repository has commits, and no such branch. */
  | { readonly kind: 'absent' }
  /** The repository has nothing, and takes no object before its first file. */
  | { readonly kind: 'empty' };

export interface GitHubEntry {
  readonly path: string;
  readonly mode: string;
  readonly object: string;
  readonly isFolder: boolean;
  /** null for what is not a blob. */
  readonly sizeBytes: number | null;
}

/** How an attempt to move a branch ended. */
export type Moved =
  | { readonly kind: 'moved' }
  /** Somebody else was faster. */
  | { readonly kind: 'outrun' }
  /** GitHub does not say whether somebody was faster, or its rules forbid it. */
  | { readonly kind: 'rejected'; readonly why: string };

export interface Person {
  readonly name: string;
  readonly email: string;
  /** RFC 3339. */
  readonly date: string;
}

export interface NewCommit {
  readonly message: string;
  readonly tree: string;
  readonly parents: readonly string[];
  /** Author and committer. */
  readonly person: Person;
}

/**
 * The Git database of one repository at GitHub: https://docs.github.com/en/rest/git. Everything here may be sent twice:
 * objects are named by their content, and a branch moves forward only. Throws what `ask` throws.
 */
export interface GitHubGit {
  repository(): Promise<{ fullName: string; isPrivate: boolean; isArchived: boolean; mayPush: boolean | undefined }>;
  head(branch: string): Promise<BranchHead>;
  /** What a tree has; with all below it where that is wanted, and `isWhole` false when GitHub left some of that out. */
  entries(tree: string, recursive: boolean): Promise<{ entries: readonly GitHubEntry[]; isWhole: boolean }>;
  /** undefined when GitHub has no such blob. */
  readBlob(object: string): Promise<Buffer | undefined>;
  /** The id that GitHub gives to what it has stored. */
  writeBlob(content: Buffer): Promise<string>;
  /** The tree `base` with these files added or replaced. */
  writeTree(base: string | undefined, files: readonly { path: string; object: string }[]): Promise<string>;
  writeCommit(commit: NewCommit): Promise<string>;
  createBranch(branch: string, commit: string): Promise<Moved>;
  /** Forward only, never by force. */
  moveBranch(branch: string, commit: string): Promise<Moved>;
  /** The first commit of an empty repository: nothing else can make one. Says nothing when another has just made it. */
  begin(branch: string, path: string, content: string, message: string, person: Person): Promise<void>;
}

export function gitHubGit(github: GitHub): GitHubGit {
  const repository = () =>
    github.ask('look at the repository at GitHub', async (octokit, address) => {
      const found = Repository.parse((await octokit.rest.repos.get({ ...address })).data);
      const mayPush = found.permissions?.push;
      return { fullName: found.full_name, isPrivate: found.private, isArchived: found.archived, mayPush };
    });
  const refOf = (branch: string) =>
    github.ask(`read the branch ${branch} at GitHub`, async (octokit, address) => {
      try {
        const { data } = await octokit.rest.git.getRef({ ...address, ref: `heads/${branch}` });
        return Ref.parse(data).object.sha;
      } catch (error) {
        const status = refusalOf(error)?.status;
        if (status === 409) return 'empty' as const;
        if (status === 404) return 'absent' as const;
        throw error;
      }
    });
  return {
    repository,
    async head(branch) {
      const commit = await refOf(branch);
      if (commit === 'absent') {
        // Where a token may see nothing, GitHub says the same.
        await repository();
        return { kind: 'absent' };
      }
      if (commit === 'empty') return { kind: 'empty' };
      const tree = await github.ask('read a commit at GitHub', async (octokit, address) => {
        const { data } = await octokit.rest.git.getCommit({ ...address, commit_sha: commit });
        return Commit.parse(data).tree.sha;
      });
      return { kind: 'commit', commit, tree };
    },
    entries: (tree, recursive) =>
      github.ask('read a folder at GitHub', async (octokit, address) => {
        const how = recursive ? { recursive: '1' } : {};
        const { data } = await octokit.rest.git.getTree({ ...address, tree_sha: tree, ...how });
        const found = Tree.parse(data);
        return { entries: found.tree.map(toEntry), isWhole: !found.truncated };
      }),
    readBlob: (object) =>
      github.ask('read a file at GitHub', async (octokit, address) => {
        try {
          const { data } = await octokit.rest.git.getBlob({ ...address, file_sha: object });
          return Buffer.from(Blob.parse(data).content, 'base64');
        } catch (error) {
          if (refusalOf(error)?.status === 404) return undefined;
          throw error;
        }
      }),
    writeBlob: (content) =>
      github.ask('store a file at GitHub', async (octokit, address) => {
        const blob = { content: content.toString('base64'), encoding: 'base64' };
        return Made.parse((await octokit.rest.git.createBlob({ ...address, ...blob })).data).sha;
      }),
    writeTree: (base, files) =>
      github.ask('store a folder at GitHub', async (octokit, address) => {
        const tree = files.map(({ path, object }) => ({
          ...{ path, mode: '100644' as const, type: 'blob' as const },
          sha: object,
        }));
        const onto = base === undefined ? {} : { base_tree: base };
        return Made.parse((await octokit.rest.git.createTree({ ...address, ...onto, tree })).data).sha;
      }),
    writeCommit: ({ message, tree, parents, person }) =>
      github.ask('store a commit at GitHub', async (octokit, address) => {
        const commit = { message, tree, parents: [...parents], author: person, committer: person };
        return Made.parse((await octokit.rest.git.createCommit({ ...address, ...commit })).data).sha;
      }),
    createBranch: (branch, commit) =>
      github.ask(`make the branch ${branch} at GitHub`, (octokit, address) =>
        tellMoved(octokit.rest.git.createRef({ ...address, ref: `refs/heads/${branch}`, sha: commit })),
      ),
    moveBranch: (branch, commit) =>
      github.ask(`move the branch ${branch} at GitHub`, (octokit, address) =>
        tellMoved(octokit.rest.git.updateRef({ ...address, ref: `heads/${branch}`, sha: commit, force: false })),
      ),
    begin: (branch, path, content, message, person) =>
      github.ask('make the first commit at GitHub', async (octokit, address) => {
        const encoded = Buffer.from(content).toString('base64');
        const file = { ...address, path, message, content: encoded, author: person, committer: person };
        const statusOf = (error: unknown) => refusalOf(error)?.status ?? 0;
        try {
          // A server that knows only its default branch as long as there is none says 404.
          await octokit.rest.repos.createOrUpdateFileContents({ ...file, branch }).catch(async (error: unknown) => {
            if (statusOf(error) !== 404) throw error;
            await octokit.rest.repos.createOrUpdateFileContents(file);
          });
        } catch (error) {
          // Another has just made it: the file is there (422), or is about to be (409).
          if (![409, 422].includes(statusOf(error))) throw error;
        }
      }),
  };
}

function toEntry({ path, mode, type, sha, size }: z.infer<typeof Tree>['tree'][number]): GitHubEntry {
  return { path, mode, object: sha, isFolder: type === 'tree', sizeBytes: type === 'blob' ? (size ?? null) : null };
}

/** https://docs.github.com/en/rest/git/refs: 409 and 422 stand for several things, of which only the words tell some. */
async function tellMoved(request: Promise<unknown>): Promise<Moved> {
  try {
    await request;
    return { kind: 'moved' };
  } catch (error) {
    const refusal = refusalOf(error);
    if (refusal?.status === 409) return { kind: 'outrun' };
    if (refusal?.status !== 422) throw error;
    const isOutrun = /not a fast.?forward|reference already exists|is at [0-9a-f]+ but expected/i.test(refusal.told);
    return isOutrun ? { kind: 'outrun' } : { kind: 'rejected', why: refusal.told };
  }
}

/** `owner/name` of a repository at github.com. */
export type GitHubRepository = string;

const FORM = /^[A-Za-z0-9][A-Za-z0-9-]*\/(?!\.{1,2}$)[A-Za-z0-9._-]+$/;
const REMOTE = /^(?:git@github\.com:|(?:ssh:\/\/git@|https:\/\/)github\.com(?::\d+)?\/)([^/]+\/[^/]+?)(?:\.git)?\/?$/;

/** GitHub's SSH host key, as https://docs.github.com/en/authentication lists it under its fingerprints. */
export const GITHUB_HOST_KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl';

/** The repository that a Git remote stands for; undefined where it is not at github.com. */
export function githubRepositoryOf(remote: string): GitHubRepository | undefined {
  const name = REMOTE.exec(remote)?.[1];
  return name !== undefined && isGitHubRepository(name) ? name : undefined;
}

export function isGitHubRepository(text: string): text is GitHubRepository {
  return FORM.test(text);
}

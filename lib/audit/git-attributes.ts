import { createHash } from 'node:crypto';

/** The file `.gitattributes` of an audit repository. */
export const GIT_ATTRIBUTES = `# What is signed are bytes: nothing converts the ends of their lines.
* -text
# One line of JSON is one line of a diff, unless you once run: git config diff.coffre.textconv 'jq .'
*.json diff=coffre
`;

/**
 * Whether a blob, by the name that git gives it, holds exactly that. Any other one could change what a clone has on its
 * disk: with other line ends no signature is good there any more.
 */
export function isGitAttributes(object: string): boolean {
  const algorithm = object.length === 64 ? 'sha256' : 'sha1';
  const bytes = Buffer.from(GIT_ATTRIBUTES);
  return createHash(algorithm).update(`blob ${bytes.length}\0`).update(bytes).digest('hex') === object;
}

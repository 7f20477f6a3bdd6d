import { createHash } from 'node:crypto';
import type { AuditFinding } from './finding.ts';
import type { AuditRepository } from './read-repository.ts';

/**
 * The file `.gitattributes` of an audit repository, to the byte. `-text`: no checkout ever changes a line end, which would
 * break every signature. `diff=coffre`: a record is one line, and who has told git how to show it
 * (`git config diff.coffre.textconv 'jq .'`) sees fields that differ. Source: gitattributes(5).
 */
export const GIT_ATTRIBUTES = `# The bytes of records and signatures are signed: no line end is ever converted.
# To read differences field by field, once in each clone: git config diff.coffre.textconv 'jq .'
* -text
manifests/**/*.json diff=coffre
drills/**/*.json diff=coffre
*.sig -diff
`;

/** Attributes of others could change what a checkout has, or hide what a difference shows: none, or these. */
export function attributesRule({ entries }: Pick<AuditRepository, 'entries'>): AuditFinding[] {
  const path = '.gitattributes';
  const file = entries.find((entry) => entry.path === path);
  if (!file || file.object === blobId(GIT_ATTRIBUTES, file.object.length)) return [];
  const message = 'it is not the one that an audit repository has: it could change what is checked out, or hide it';
  const hint = `see who put it there: git log -p -- ${path}; what it has to be is in docs/manifest-format.md`;
  return [{ rule: 'belongs', severity: 'error', host: null, path, message, hint }];
}

/** The id that git gives a blob with this content; ids of 64 digits are of a repository with SHA-256. */
export function blobId(content: string, digits: number): string {
  const bytes = Buffer.from(content);
  return createHash(digits === 64 ? 'sha256' : 'sha1')
    .update(`blob ${bytes.length}\0`)
    .update(bytes)
    .digest('hex');
}

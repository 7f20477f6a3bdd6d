import type { AuditFinding } from './finding.ts';
import { show } from './finding.ts';
import { blobId } from './git-attributes.ts';
import type { AuditRepository } from './read-repository.ts';

/** What a person reads is never larger. */
const LIMIT_BYTES = 1024 * 1024;
const WORKFLOW = '.github/workflows/audit.yml';

/**
 * Files beside the records that may be there, and are not what audit-init writes: other signers than `allowedSigners`, the text
 * of the inventory, by which an auditor would check; workflows that nobody here knows; what is too large to be read. Warnings:
 * records are judged without any of them.
 */
export function otherFilesRule(
  { entries }: Pick<AuditRepository, 'entries'>,
  allowedSigners: string,
): readonly AuditFinding[] {
  return entries.flatMap(({ path, place, mode, object, sizeBytes }): AuditFinding[] => {
    if (place !== 'other' || !mode.startsWith('100')) return [];
    const hint = `see who put it there: git log -- ${show(path)}`;
    const warning = { rule: 'belongs', severity: 'warning', host: null, path } as const;
    if ((sizeBytes ?? 0) > LIMIT_BYTES) return [{ ...warning, message: 'it is larger than a mebibyte', hint }];
    if (path === 'allowed_signers' && object !== blobId(allowedSigners, object.length)) {
      const message = 'it is not the one of the inventory: whoever checks a record by it trusts other keys';
      return [{ ...warning, message, hint: `${hint}; then bring it up to date: npx zx tasks/audit-init.ts` }];
    }
    if (path.startsWith('.github/workflows/') && path !== WORKFLOW)
      return [{ ...warning, message: 'it is a workflow that coffre has not written', hint }];
    return [];
  });
}

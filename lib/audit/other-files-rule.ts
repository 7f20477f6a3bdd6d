import type { AuditFinding } from './finding.ts';
import { show } from './finding.ts';
import { blobId } from './git-attributes.ts';
import type { AuditRepository } from './read-repository.ts';
import { WORKFLOW } from './read-workflow.ts';

/** What a person reads is never larger. */
const LIMIT_BYTES = 1024 * 1024;

/**
 * Files beside the records that may be there, and are not what audit-init writes: other signers than `allowedSigners`, the text
 * of the inventory, by which an auditor would check; a workflow that is not ours (`isOurs`), or is beside it; what is too large to be read. Warnings:
 * records are judged without any of them.
 */
export function otherFilesRule(
  { entries, workflow }: Pick<AuditRepository, 'entries' | 'workflow'>,
  allowedSigners: string,
  isOurs: (workflow: string) => boolean,
): readonly AuditFinding[] {
  const paths = new Set(entries.map(({ path }) => path));
  const isEquipped = paths.has('allowed_signers') || paths.has(WORKFLOW);
  return [
    ...(isEquipped && !paths.has('.gitattributes') ? [ATTRIBUTES_GONE] : []),
    ...(workflow === null || isOurs(workflow) ? [] : [WORKFLOW_CHANGED]),
    ...changedFiles(entries, allowedSigners),
  ];
}

const WARNING = { rule: 'belongs', severity: 'warning', host: null } as const;
const UPDATE = 'then bring it up to date: npx zx tasks/audit-init.ts';

const ATTRIBUTES_GONE: AuditFinding = {
  ...{ ...WARNING, path: '.gitattributes' },
  message: 'it is not there, without which a clone may show and change records otherwise than they were signed',
  hint: `see who took it away: git log -- .gitattributes; ${UPDATE}`,
};

const WORKFLOW_CHANGED: AuditFinding = {
  ...{ ...WARNING, path: WORKFLOW },
  message: 'it is not what audit-init writes: nobody may be watching',
  hint: `see who changed it: git log -p -- ${WORKFLOW}; ${UPDATE}`,
};

function changedFiles(entries: AuditRepository['entries'], allowedSigners: string): readonly AuditFinding[] {
  return entries.flatMap(({ path, place, mode, object, sizeBytes }): AuditFinding[] => {
    if (place !== 'other' || !mode.startsWith('100')) return [];
    const hint = `see who put it there: git log -- ${show(path)}`;
    const warning = { ...WARNING, path };
    if ((sizeBytes ?? 0) > LIMIT_BYTES) return [{ ...warning, message: 'it is larger than a mebibyte', hint }];
    if (path === 'allowed_signers' && object !== blobId(allowedSigners, object.length)) {
      const message = 'it is not the one of the inventory: whoever checks a record by it trusts other keys';
      return [{ ...warning, message, hint: `${hint}; ${UPDATE}` }];
    }
    if (path.startsWith('.github/workflows/') && path !== WORKFLOW)
      return [{ ...warning, message: 'it is a workflow that coffre has not written', hint }];
    return [];
  });
}

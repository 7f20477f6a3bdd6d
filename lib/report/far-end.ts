import type { ContractorSide, FarEndCondition } from '../model/far-end.ts';
import { onOneLine } from './table.ts';

/** What a person at the contractor does, from the first command to the last. `path` is the inventory's. */
export function formatContractorSide(side: ContractorSide, path: string): string {
  const indent = (text: string) => text.trimEnd().replace(/^(?=.)/gm, '    ');
  return [
    `The account ${side.user} takes backups by SFTP and can do nothing else. As root on the server:`,
    '1. The account and its folders:',
    indent(side.commands.before.join('\n')),
    `   It sees ${side.chroot} as /, so that ${onOneLine(path)} of the inventory is ${onOneLine(side.folder)}.`,
    '   sshd wants every folder from / to that root to belong to root, with nobody else writing there.',
    `2. The file ${side.rules.path}:`,
    indent(side.rules.content),
    `3. This line in ${side.keys.path}, beside those of other hosts:`,
    indent(side.keys.line),
    '4. Test, reload, and see what holds for the account:',
    indent(side.commands.after.join('\n')),
    [
      '5. Snapshots of that folder, every day, which the account cannot reach: it can remove what it has put there, and',
      '   SFTP cannot forbid it to write over a file of its own. Only snapshots survive a host that has been taken over.',
    ].join('\n'),
  ].join('\n\n');
}

/** One line a condition, its hint below it when it failed, and one sentence at the end. */
export function formatFarEnd(where: string, conditions: readonly FarEndCondition[]): string {
  const failed = conditions.filter(({ outcome }) => outcome === 'failed').length;
  const verdict = failed === 0 ? 'all is as it should be' : `${failed} of ${conditions.length} FAILED`;
  return [...conditions.flatMap(formatCondition), `${onOneLine(where)}: ${verdict}`].join('\n');
}

export function formatCondition({
  says,
  outcome,
  detail,
  hint,
}: Pick<FarEndCondition, 'says' | 'outcome' | 'detail' | 'hint'>): string[] {
  switch (outcome) {
    case 'ok':
      return [`OK         ${says} (${onOneLine(detail)})`];
    case 'untried':
      return [`NOT TRIED  ${says} (${onOneLine(detail)})`];
    case 'failed':
      return [
        `FAILED     ${says} (${onOneLine(detail)})`,
        ...(hint === null ? [] : [`           hint: ${onOneLine(hint)}`]),
      ];
  }
}

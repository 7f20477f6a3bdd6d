import { CoffreError } from '../model/error.ts';
import type { Emit } from '../model/event.ts';
import { quotePosix } from '../system/command.ts';
import type { LoadFailure } from './load-plan.ts';

/** `replaces`: whether an old one is there again, or aside, which nobody should be told to drop. */
export function notTheSame(differences: readonly string[], replaces: boolean): CoffreError {
  return new CoffreError(
    'verification-failed',
    'cannot call this restored: what was loaded differs from what was backed up',
    {
      hint: replaces
        ? 'drop nothing: what is said above tells where the old one is; restore beside it, and look: --as NAME'
        : 'drop what differs and restore it again; if it differs again, keep the copy and tell us',
      findings: differences,
    },
  );
}

/** What a person has to do is the same for all that has failed: mend it there, and restore it alone. */
export function notEverything(
  failures: readonly LoadFailure[],
  compared: readonly string[],
  differences: readonly string[],
  subject: string,
  emit: Emit,
): CoffreError {
  const same = differences.length > 0 ? [] : compared;
  const text = `restored, and the same as in the backup: ${same.join(', ')}`;
  if (same.length > 0) emit({ kind: 'note', subject, text });
  const names = failures.map(({ archive }) => archive.database ?? 'the accounts');
  const again = failures.map(({ archive: { database } }) =>
    database === null ? '--accounts' : `--database ${quotePosix(database)}`,
  );
  return new CoffreError('restore-failed', `cannot restore ${names.join(', ')}: loading has failed, all else is done`, {
    hint: `mend what is said of each, then restore what is missing, with the same options and: ${again.join(' ')}`,
    findings: [...failures.map(({ error }) => error.message), ...differences],
  });
}

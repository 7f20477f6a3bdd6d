import type { LostGrant } from '../database/lost-grants.ts';
import { quoteIdentifier } from '../database/sql-text.ts';
import type { Emit } from '../model/event.ts';
import { quotePosix } from '../system/command.ts';

/** More of them would hide the rest of what is told. */
const NAMED = 10;

/** Warns of the grants that could not be given, database by database. `present`: the databases that the server has now. */
export function tellLostGrants(grants: readonly LostGrant[], present: ReadonlySet<string>, emit: Emit): void {
  for (const database of new Set(grants.map((grant) => grant.database))) {
    const lost = grants.filter((grant) => grant.database === database);
    const sentences = lost.map(({ name, grantee }) => `on ${quoteIdentifier(name)} to ${grantee}`).sort();
    const named = sentences.slice(0, NAMED);
    const more = lost.length > NAMED ? `, and ${lost.length - NAMED} more` : '';
    const which = `${lost.length === 1 ? 'a grant' : `${lost.length} grants`} of ${quoteIdentifier(database)} left out`;
    const [why, hint] = present.has(database)
      ? [
          'what it is on is not there, or lacks a column',
          'where the backed-up server has these tables no more, they are leftovers: REVOKE them there',
        ]
      : [
          'the server has no such database',
          `restore it, and the accounts once more: --database ${quotePosix(database)} --accounts`,
        ];
    emit({ kind: 'warning', subject: 'accounts', text: `${which}, as ${why}: ${named.join(', ')}${more}`, hint });
  }
}

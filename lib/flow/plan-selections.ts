import { oneLine } from '../database/account-name.ts';
import { isReservedName } from '../database/database-names.ts';
import type { Archive } from '../model/archive-record.ts';
import { CoffreError } from '../model/error.ts';
import type { DatabaseName } from '../model/names.ts';
import { type Selection, type SelectionWish, WHOLE } from '../model/selection.ts';
import { quotePosix } from '../system/command.ts';

/** The server takes no blank at the end, and the dump program finds no events in a database with the others. */
const UNFIT = /['"\\\p{Cc}]| $/u;

/** What is loaded of each archive; one that is loaded as it is has none. */
export type Selections = ReadonlyMap<Archive, Selection>;

/** Plans. Pure. Throws `usage` for what cannot be meant of these archives. */
export function planSelections(wish: SelectionWish | undefined, archives: readonly Archive[]): Selections {
  if (!wish) return new Map();
  const databases = archives.filter(({ database }) => database !== null);
  if (wish.as !== null && databases.length !== 1) {
    const found = databases.length === 0 ? 'no database' : `${databases.length} databases`;
    throw new CoffreError('usage', `cannot restore ${found} as ${wish.as}: a new name is for exactly one`, {
      hint: 'name the one that is meant: --database NAME --as NEW',
    });
  }
  if (wish.as !== null && (UNFIT.test(wish.as) || [...wish.as].length > 64)) {
    throw new CoffreError('usage', `cannot restore as ${oneLine(wish.as)}: it could not be backed up again`, {
      hint: 'a name has up to 64 characters, no quotes, backslashes or line ends, and no blank at its end',
    });
  }
  if (wish.as !== null && isReservedName(wish.as)) {
    throw new CoffreError('usage', `cannot restore as ${wish.as}: restores take such a database for one of their own`, {
      hint: 'take another name, without __coffre_ in it: --as shop_before',
    });
  }
  const strange = wish.tables.find((each) => !databases.some(({ database }) => database === each.database));
  if (strange) {
    throw new CoffreError('usage', `cannot restore a table of ${strange.database}: it is not among what is restored`, {
      hint: `leave out --database, or give it, too: --database ${quotePosix(strange.database)}`,
    });
  }
  const { schemaOnly, as, events } = wish;
  const definer: Selection['definer'] =
    wish.definer.kind === 'map'
      ? { kind: 'map', accounts: new Map(wish.definer.accounts.map(({ from, to }) => [from, to])) }
      : wish.definer;
  return new Map(
    databases.flatMap((archive) => {
      const tables = wish.tables.flatMap(({ database, table }) => (database === archive.database ? [table] : []));
      const selection: Selection = {
        tables: tables.length === 0 ? null : [...new Set(tables)],
        ...{ schemaOnly, definer, events },
        as: as === archive.database ? null : as,
      };
      return isWhole(selection) ? [] : [[archive, selection] as const];
    }),
  );
}

/** The database that an archive is loaded into; null for the accounts. */
export function loadedAs(archive: Archive, selections: Selections): DatabaseName | null {
  return archive.database === null ? null : (selections.get(archive)?.as ?? archive.database);
}

/** What nobody may notice before it has done harm: a sentence for each database, and what to do about it. */
export function remarksOnSelections(
  selections: Selections,
): readonly { readonly text: string; readonly hint: string }[] {
  return [...selections].flatMap(([{ database, events: count }, { as, tables, events }]) => {
    if (as === null || tables || events === 'disabled' || count === 0) return [];
    const text = `the events of ${database}, ${count} in number, will be at work in ${as} too, beside those of ${database}`;
    return [{ text, hint: 'to load them without that: --events disabled' }];
  });
}

function isWhole({ tables, schemaOnly, as, definer, events }: Selection): boolean {
  return tables === null && !schemaOnly && as === null && definer.kind === 'keep' && events === WHOLE.events;
}

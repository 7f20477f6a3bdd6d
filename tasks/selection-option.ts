import { CoffreError } from '../lib/model/error.ts';
import { DatabaseName } from '../lib/model/names.ts';
import type { Selection, SelectionWish } from '../lib/model/selection.ts';

import { listOf, textOf } from './run-task.ts';

import type { TaskContext } from './task.ts';

/** The options of what of a database is restored, and as what. */
export const SELECTION_OPTIONS = {
  table: '=…DATABASE.TABLE  only this table or view of that database, which may be there; can be given several times',
  'schema-only':
    'what there is, without any row; over a database that is there only with --drop-first, and not --overwrite',
  as: '=NAME  load the one database under another name; refused where something in it names the old one',
  'as-anyway': 'also where views, routines, triggers or events name the old database: they go on to mean that one',
  definer: "=KIND  keep (default); invoker: views and routines run with their user's rights; map: with --definer-map",
  'definer-map': '=…OLD=NEW  another definer in place of OLD, such as app@%=app@10.0.0.5; can be given several times',
  events: '=STATE  keep (default), or disabled',
} as const;

const NAME = '`(?:[^`]|``)+`';
const TABLE = new RegExp(`^(${NAME}|[^.\`]+)\\.(${NAME}|[^\`]+)$`, 's');

/** What they say; undefined where none is given. Throws `usage`. */
export function selectionOf(values: TaskContext['values']): SelectionWish | undefined {
  if (!Object.keys(SELECTION_OPTIONS).some((option) => values[option] !== undefined)) return undefined;
  const name = textOf(values, 'as');
  const as = DatabaseName.nullable().safeParse(name ?? null);
  if (!as.success) throw new CoffreError('usage', 'cannot read --as: no name of a database', { hint: '--as shop_old' });
  return {
    tables: listOf(values, 'table').map(tableOf),
    schemaOnly: values['schema-only'] === true,
    as: as.data,
    asAnyway: values['as-anyway'] === true,
    definer: definerOf(textOf(values, 'definer'), listOf(values, 'definer-map')),
    events: oneOf('events', textOf(values, 'events'), ['keep', 'disabled']),
  };
}

/** What is loaded of each database that is not loaded as it is, as JSON can say it. */
export function listSelections(selections: ReadonlyMap<{ readonly database: string | null }, Selection>) {
  return [...selections].map(([{ database }, { tables, schemaOnly, as, definer, events }]) => ({
    ...{ database, tables, schemaOnly, as, events },
    definer: definer.kind === 'map' ? Object.fromEntries(definer.accounts) : definer.kind,
  }));
}

function tableOf(text: string): SelectionWish['tables'][number] {
  const [, database, table] = TABLE.exec(text) ?? [];
  if (database !== undefined && table !== undefined) return { database: plain(database), table: plain(table) };
  throw new CoffreError('usage', `cannot read --table ${text}: it is no DATABASE.TABLE`, {
    hint: "a name with a dot in it stands in backticks: --table shop.orders, --table '`my.shop`.orders'",
  });
}

function plain(name: string): string {
  return name.startsWith('`') ? name.slice(1, -1).replaceAll('``', '`') : name;
}

function definerOf(kind: string | undefined, pairs: readonly string[]): SelectionWish['definer'] {
  const chosen = oneOf('definer', kind ?? (pairs.length > 0 ? 'map' : undefined), ['keep', 'invoker', 'map']);
  if (chosen !== 'map') {
    if (pairs.length === 0) return { kind: chosen };
    throw new CoffreError('usage', `cannot use --definer-map with --definer ${chosen}`, { hint: '--definer map' });
  }
  if (pairs.length === 0) {
    throw new CoffreError('usage', 'cannot map definers: no pair is given', {
      hint: '--definer-map app@%=app@10.0.0.5',
    });
  }
  return { kind: 'map', accounts: pairs.map(pairOf) };
}

function pairOf(text: string): { readonly from: string; readonly to: string } {
  const [from = '', to = '', ...more] = text.split('=');
  if (from !== '' && to !== '' && more.length === 0) return { from, to };
  throw new CoffreError('usage', `cannot read --definer-map ${text}: it is no OLD=NEW`, {
    hint: 'such as --definer-map app@%=app@10.0.0.5; a role has no @',
  });
}

function oneOf<Word extends string>(
  option: string,
  given: string | undefined,
  words: readonly [Word, ...Word[]],
): Word {
  const found = words.find((word) => word === (given ?? words[0]));
  if (found !== undefined) return found;
  throw new CoffreError('usage', `cannot read --${option} ${given}`, { hint: `one of: ${words.join(', ')}` });
}

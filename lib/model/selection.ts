import * as z from 'zod';
import { DatabaseName } from './names.ts';

/** What of an archive's dump is loaded, and as what. The default is all of it, unchanged. */
export interface Selection {
  /** Only these tables and views; null: all. */
  readonly tables: readonly string[] | null;
  readonly schemaOnly: boolean;
  /** Loaded under this name; null: its own. */
  readonly as: DatabaseName | null;
  /** Accounts as `user@host`, roles as `role`. Those that are not in the map stay. */
  readonly definer:
    | { readonly kind: 'keep' }
    | { readonly kind: 'invoker' }
    | { readonly kind: 'map'; readonly accounts: ReadonlyMap<string, string> };
  readonly events: 'keep' | 'disabled';
  /** Sequences that tables need and that stay as they are, because the server has them. */
  readonly leaves?: readonly string[];
}

export const WHOLE: Selection = {
  tables: null,
  schemaOnly: false,
  as: null,
  definer: { kind: 'keep' },
  events: 'keep',
};

/** What a person asks for, of several databases, in a form that can be sent to a host. */
export const SelectionWish = z.strictObject({
  /** Of the databases that are named here only these tables and views. */
  tables: z.array(z.strictObject({ database: z.string(), table: z.string() })),
  schemaOnly: z.boolean(),
  as: DatabaseName.nullable(),
  /** Also where views, routines, triggers or events name the old database, which they then go on to mean. */
  asAnyway: z.boolean(),
  definer: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('keep') }),
    z.strictObject({ kind: z.literal('invoker') }),
    z.strictObject({ kind: z.literal('map'), accounts: z.array(z.strictObject({ from: z.string(), to: z.string() })) }),
  ]),
  events: z.enum(['keep', 'disabled']),
});
export type SelectionWish = Readonly<z.infer<typeof SelectionWish>>;

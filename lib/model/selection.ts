import type { DatabaseName } from './names.ts';

/** What of an archive's dump is loaded, and as what. The default is all of it, unchanged. */
export interface Selection {
  /** Only these tables and views; null: all. */
  readonly tables: readonly string[] | null;
  readonly schemaOnly: boolean;
  /** Loaded under this name; null: its own. */
  readonly as: DatabaseName | null;
  readonly definer:
    | { readonly kind: 'keep' }
    | { readonly kind: 'invoker' }
    | { readonly kind: 'map'; readonly accounts: ReadonlyMap<string, string> };
  readonly events: 'keep' | 'disabled';
}

export const WHOLE: Selection = {
  tables: null,
  schemaOnly: false,
  as: null,
  definer: { kind: 'keep' },
  events: 'keep',
};

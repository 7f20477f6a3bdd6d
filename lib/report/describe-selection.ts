/** What is loaded of an archive, and as what. */
export interface DescribedSelection {
  readonly as: string | null;
  readonly tables: readonly string[] | null;
  readonly schemaOnly: boolean;
  readonly definer: { readonly kind: string };
  readonly events: string;
}

/** What stands behind the word for loading: nothing where all is as it was. */
export function describeSelection({ as, tables, schemaOnly, definer, events }: DescribedSelection): string {
  return [
    as === null ? '' : ` as ${as}`,
    tables === null ? '' : `, only ${tables.join(' and ')}`,
    schemaOnly ? ', without rows' : '',
    definer.kind === 'keep' ? '' : ', with other definers',
    events === 'keep' ? '' : ', its events disabled',
  ].join('');
}

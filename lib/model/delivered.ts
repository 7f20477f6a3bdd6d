import type { Copy, Manifest, Verification } from './manifest.ts';
import type { RunId } from './run-id.ts';

/** A copy of an earlier run that was owed and has come to its place. */
export type Delivered = Pick<Copy, 'kind' | 'offsite'> & { readonly run: RunId; readonly verified: Verification };

/** What a run has delivered late, whichever place it was owed to. */
export function deliveredBy({
  deliveries,
  storeDeliveries = [],
}: Pick<Manifest, 'deliveries' | 'storeDeliveries'>): readonly Delivered[] {
  return [
    ...storeDeliveries.map((each) => ({ ...each, kind: 'store' as const, offsite: null })),
    ...deliveries.map((each) => ({ ...each, kind: 'offsite' as const })),
  ];
}

/** By one word: `store`, or the name of the offsite. */
export function placeOfDelivery({ kind, offsite }: Pick<Copy, 'kind' | 'offsite'>): string {
  return offsite ?? kind;
}

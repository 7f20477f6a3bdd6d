import { deliveredBy, placeOfDelivery } from '../model/delivered.ts';
import type { CoffreError } from '../model/error.ts';
import type { Manifest } from '../model/manifest.ts';
import { formatBytes, formatDuration } from './format.ts';
import { formatTable } from './table.ts';

/**
 * A finished run for a person: what is in it, where it is, what is owed, in that order. Whoever backs up a host knows its
 * databases: they are told by their names, also where only hashes of these are published.
 */
export function formatBackup({
  manifest,
  names,
  owed,
}: {
  readonly manifest: Manifest;
  /** Hash → name. */
  readonly names: ReadonlyMap<string, string>;
  readonly owed: readonly { readonly what: string; readonly error: CoffreError }[];
}): string {
  const archives = manifest.archives.map((archive) => [
    archive.database === null ? '(accounts)' : (names.get(archive.database) ?? archive.database),
    String(archive.tables),
    String(archive.views),
    String(archive.routines + archive.triggers + archive.events),
    formatBytes(archive.plainBytes),
    formatBytes(archive.sealedBytes),
  ]);
  const copies = manifest.copies.map(({ kind, offsite, state, verified }) => [
    offsite === null ? kind : `offsite ${offsite}`,
    state,
    verified ?? '-',
  ]);
  const tookMs = Date.parse(manifest.finishedAt) - Date.parse(manifest.startedAt);
  return [
    formatTable(['database', 'tables', 'views', 'code', 'SQL', 'sealed'], archives),
    '',
    formatTable(['copy', 'state', 'verified'], copies),
    '',
    ...deliveredBy(manifest).map((each) => `delivered late: ${each.run} to ${placeOfDelivery(each)}`),
    ...owed.flatMap(({ what, error }) => [
      `owed: ${what}: ${error.message}`,
      ...(error.hint ? [`hint: ${error.hint}`] : []),
    ]),
    `${manifest.host} ${manifest.run} ${manifest.outcome} in ${formatDuration(tookMs)}, number ${manifest.sequence} of its chain`,
  ].join('\n');
}

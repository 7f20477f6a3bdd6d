import type { Manifest } from '../model/manifest.ts';
import type { Figures } from './published.ts';

/** How much a run was, by its own manifest. */
export function figuresOf({ archives, dayArchive, recipients }: Manifest): Figures {
  const sum = (of: 'plainBytes' | 'sealedBytes') => archives.reduce((bytes, archive) => bytes + archive[of], 0);
  return {
    databases: archives.filter(({ kind }) => kind === 'database').length,
    ...{ plainBytes: sum('plainBytes'), sealedBytes: sum('sealedBytes') },
    dayArchiveBytes: dayArchive?.sealedBytes ?? null,
    recipients: recipients.map(({ name }) => name),
  };
}

/** Without any of these nobody could restore the run, whatever its outcome is called. */
export function lacksOf({
  archives,
  snapshot,
  encryption,
  recipients,
  instructions,
  copies,
}: Manifest): readonly string[] {
  return [
    ...(archives.length === 0 ? ['archive'] : []),
    ...(snapshot === null ? ['snapshot'] : []),
    ...(encryption === null ? ['encryption'] : []),
    ...(recipients.length === 0 ? ['recipient'] : []),
    ...(instructions === null ? ['instructions'] : []),
    ...(copies.some(({ state }) => state === 'complete') ? [] : ['complete copy']),
  ];
}

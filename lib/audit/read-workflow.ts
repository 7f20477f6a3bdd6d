import { readBlobs, type TreeEntry } from './git-objects.ts';

/** Where audit-init puts the workflow of the watchdog. */
export const WORKFLOW = '.github/workflows/audit.yml';
/** Ours has a few thousand. */
const LIMIT_BYTES = 256 * 1024;

/** The text of the workflow that watches the repository; null where there is none, or one too large to be ours. */
export async function readWorkflow(repository: string, entries: readonly TreeEntry[]): Promise<string | null> {
  const entry = entries.find(({ path, mode }) => path === WORKFLOW && mode.startsWith('100'));
  if (!entry || (entry.sizeBytes ?? 0) > LIMIT_BYTES) return null;
  for await (const blob of readBlobs(repository, [entry.object])) return blob.toString('utf8');
  return null;
}

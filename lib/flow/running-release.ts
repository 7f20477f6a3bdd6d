import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UPLOADS } from '../host/uploads.ts';
import { exists, removeDurably } from '../system/files.ts';

/** The folder of the release that the module at `url` belongs to, as one of its verbs; undefined for the sources. */
export async function runningRelease(url: string): Promise<string | undefined> {
  const folder = dirname(dirname(fileURLToPath(url)));
  return (await exists(`${folder}/release.json`)) ? folder : undefined;
}

/** Takes the upload away that holds `release`, because control has gone and cannot do it any more. */
export async function removeUpload(release: string | undefined): Promise<void> {
  if (release?.startsWith(UPLOADS)) await removeDurably(dirname(release));
}

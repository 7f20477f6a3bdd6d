import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { exists } from '../system/files.ts';

/** The folder of the release that the module at `url` belongs to, as one of its verbs; undefined for the sources. */
export async function runningRelease(url: string): Promise<string | undefined> {
  const folder = dirname(dirname(fileURLToPath(url)));
  return (await exists(`${folder}/release.json`)) ? folder : undefined;
}

import { join } from 'node:path';
import { makeFolder, writeDurably } from '../../lib/system/files.ts';

/** A file of results that is whole at any time: whatever ends the bench, what was measured is kept. */
export interface ResultsFile {
  readonly path: string;
  write(results: object): Promise<void>;
}

/** In the project's folder `.bench`, which Git ignores. */
export async function resultsFile(name: string): Promise<ResultsFile> {
  const folder = join(import.meta.dirname, '../../.bench');
  await makeFolder(folder);
  const path = join(folder, `${name}-${new Date().toISOString().slice(0, 19).replace(/[-:]/g, '')}Z.json`);
  return { path, write: (results) => writeDurably(path, `${JSON.stringify(results, null, 2)}\n`) };
}

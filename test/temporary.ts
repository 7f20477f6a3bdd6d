import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder with a short path, removed by `remove`: for sockets, and for what outlives a test's own folder. */
export function temporaryFolder(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'coffre-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

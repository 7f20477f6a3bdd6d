import { open, readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { InventoryFinding } from './finding.ts';
import { aboutFile } from './text-file.ts';

const SCAN_BYTES = 1024 * 1024;
const MARK = /-----BEGIN [A-Z0-9 ]*PRIVATE KEY( BLOCK)?-----/;

/** A finding for each file, anywhere below the inventory, that has a private key in it. Git's own folder is left out. */
export async function findPrivateKeys(folder: string): Promise<InventoryFinding[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true }).catch(() => []);
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath ?? entry.path, entry.name)))
    .filter((file) => !file.split('/').includes('.git'))
    .sort();
  const findings: InventoryFinding[] = [];
  for (const file of files) {
    const start = await readStart(join(folder, file));
    const line = start.split('\n').findIndex((text) => MARK.test(text)) + 1;
    if (line === 0) continue;
    const message = 'a private key stands here: it must leave the inventory and its history, and be replaced';
    findings.push({ ...aboutFile('private-key-in-inventory', file, message), line, column: 1 });
  }
  return findings;
}

/** What cannot be read is found by whoever needs it. */
async function readStart(path: string): Promise<string> {
  try {
    const handle = await open(path, 'r');
    try {
      const { bytesRead, buffer } = await handle.read(Buffer.alloc(SCAN_BYTES), 0, SCAN_BYTES, 0);
      return buffer.toString('latin1', 0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch {
    return '';
  }
}

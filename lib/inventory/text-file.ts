import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../model/error.ts';
import type { InventoryFinding } from './finding.ts';

const LIMIT_BYTES = 256 * 1024;

/** A finding about a whole file. */
export function aboutFile(rule: string, file: string, message: string): InventoryFinding {
  return { rule, file, line: null, column: null, path: '', message };
}

/** The text of a file of the inventory; a finding when it cannot be had; undefined when there is no such file. */
export async function readText(folder: string, file: string): Promise<string | InventoryFinding | undefined> {
  try {
    const handle = await open(join(folder, file), 'r');
    try {
      const stat = await handle.stat();
      if (!stat.isFile()) return aboutFile('file', file, 'it is not a file');
      if (stat.size > LIMIT_BYTES) return aboutFile('file', file, 'it is larger than 256 KiB');
      return new TextDecoder('utf-8', { fatal: true }).decode(await handle.readFile());
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof TypeError) return aboutFile('file', file, 'it is not UTF-8 text');
    if (errnoOf(error) === 'ENOENT') return undefined;
    return aboutFile('file', file, `it cannot be read (${errnoOf(error) ?? 'unknown reason'})`);
  }
}

/**
 * Names of the files in a folder of the inventory that end in `suffix`, without it, sorted; any other file there is a
 * finding, since it would be overlooked. Hidden files and notes (`.md`) may be anywhere; `others` are known to somebody else.
 */
export async function listFiles(folder: string, below: string, suffix: string, others: readonly string[] = []) {
  const findings: InventoryFinding[] = [];
  const names: string[] = [];
  const present = await readdir(join(folder, below)).catch((error: unknown) => {
    if (errnoOf(error) !== 'ENOENT') findings.push(aboutFile('file', below, `it cannot be read (${errnoOf(error)})`));
    return [];
  });
  for (const name of present.sort()) {
    if (name.startsWith('.') || name.endsWith('.md') || others.includes(name)) continue;
    if (name.endsWith(suffix)) names.push(name.slice(0, -suffix.length));
    else findings.push(aboutFile('file', `${below}/${name}`, `it would be overlooked: only *${suffix} is read here`));
  }
  return { names, findings };
}

import { existsSync } from 'node:fs';
import { text as textFrom } from 'node:stream/consumers';
import { putOnPaper, readFromPaper } from '../lib/flow/key-on-paper.ts';
import { readInventory } from '../lib/inventory/read.ts';
import { CoffreError } from '../lib/model/error.ts';
import { systemClock } from '../lib/system/clock.ts';
import { quotePosix } from '../lib/system/command.ts';
import { readRequired } from '../lib/system/files.ts';
import { inventoryFolder } from './inventory-option.ts';
import { privateKeyOf } from './private-key-option.ts';
import { textOf } from './run-task.ts';
import type { TaskContext, TaskResult } from './task.ts';

export const PAPER_OPTIONS = {
  out: '=FILE  the page to be printed; or, of read-paper, the file of the key',
  text: '=FILE  what was typed or scanned from paper (default: standard input)',
};

/** `keys paper`: a page to be printed. */
export async function paperTask({ values }: TaskContext): Promise<TaskResult> {
  const example = 'npx zx tasks/keys.ts paper --private-key ~/keys/company.pem --out company.html';
  const open = privateKeyOf(values, 'private-key', example);
  const out = outOf(values, example);
  const folder = inventoryFolder(values);
  const inventory = existsSync(folder) ? await readInventory(folder) : null;
  const privateKeyPath = textOf(values, 'private-key') ?? '';
  const order = { privateKeyPath, privateKey: await open(), inventory, inventoryFolder: folder, out };
  const made = await putOnPaper({ ...order, now: systemClock.now() });
  const text = `page:         ${made.out} (print it, then: shred -u ${quotePosix(made.out)})
key of:       ${made.name ?? 'nobody that the inventory knows'}
fingerprint:  ${made.fingerprint}
The passphrase opens this key, and is not on the page: keep the two apart. Try the paper once: npx zx tasks/keys.ts read-paper`;
  return { text, data: made };
}

/** `keys read-paper`: the file of the key again. */
export async function readPaperTask({ values }: TaskContext): Promise<TaskResult> {
  const example = 'npx zx tasks/keys.ts read-paper --text typed.txt --out company.pem';
  const out = outOf(values, example);
  const path = textOf(values, 'text');
  const typed = path === undefined ? await textFrom(process.stdin) : (await readRequired(path)).toString('utf8');
  const written = await readFromPaper(typed, out, inventoryFolder(values));
  const text = `private key:  ${written} (every line fits, and so does the whole)
try it:       npx zx tasks/keys.ts test --all --private-key ${quotePosix(written)}`;
  return { text, data: { privateKeyPath: written } };
}

function outOf(values: TaskContext['values'], hint: string): string {
  const out = textOf(values, 'out');
  if (out !== undefined) return out;
  throw new CoffreError('usage', 'cannot tell where to write: --out FILE', { hint });
}

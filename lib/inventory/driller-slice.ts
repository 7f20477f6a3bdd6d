import { join } from 'node:path';
import { stringify } from 'yaml';
import { DrillerSlice } from '../model/driller-slice.ts';
import type { Inventory } from '../model/inventory.ts';
import { exists, readIfPresent } from '../system/files.ts';
import { readSliceFile, sliceHeader } from './slice-file.ts';

/** File of a driller's slice in its settings folder. */
export const DRILLER_FILE = 'driller.yaml';
/** Beside it: who may sign. */
export const DRILLER_SIGNERS_FILE = 'allowed_signers';
const HINT = 'converge the driller again, from control: npx zx tasks/provision.ts';

const SliceFile = DrillerSlice.omit({ allowedSigners: true, recipientKey: true });

const HEADER = sliceHeader('driller');

/** The files of a slice on its driller, by path. None of them holds a secret. */
export function drillerSliceFiles({
  allowedSigners,
  recipientKey: _,
  ...slice
}: DrillerSlice): ReadonlyMap<string, string> {
  const folder = slice.driller.settings.path;
  return new Map([
    [join(folder, DRILLER_FILE), HEADER + stringify(slice, { lineWidth: 0, aliasDuplicateObjects: false })],
    [join(folder, DRILLER_SIGNERS_FILE), allowedSigners],
  ]);
}

export function isDrillerFolder(folder: string): Promise<boolean> {
  return exists(join(folder, DRILLER_FILE)).catch(() => false);
}

/** The inventory as a driller itself has it. Throws `inventory` when it was altered. */
export async function readDrillerSlice(folder: string): Promise<Inventory> {
  const { driller, hosts } = await readSliceFile(join(folder, DRILLER_FILE), SliceFile, HINT);
  const allowedSigners = (await readIfPresent(join(folder, DRILLER_SIGNERS_FILE)))?.toString('utf8') ?? '';
  return {
    folder,
    hosts: new Map(hosts.map((host) => [host.name, host])),
    drillers: new Map([[driller.name, driller]]),
    recipients: new Map(),
    allowedSigners,
  };
}

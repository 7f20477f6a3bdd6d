import { existsSync } from 'node:fs';
import { readInventory } from '../lib/inventory/read.ts';
import type { Inventory } from '../lib/model/inventory.ts';
import { toStderr } from './outlet.ts';

import { textOf } from './run-task.ts';

import type { TaskContext } from './task.ts';

const OWN = 'inventory';
const QUICKSTART = '.quickstart/inventory';
/** Where provisioning writes a host's slice, and a driller's, unless the inventory says otherwise. */
const ON_HOST = '/etc/coffre';
export const ON_DRILLER = '/etc/coffre-drill';

/** The folder that `--inventory` names; without it the machine's own slice for the agent, else the one of the quickstart while there is one. */
export function inventoryFolder(values: TaskContext['values'], onHost = ON_HOST): string {
  const named = textOf(values, 'inventory');
  if (named !== undefined) return named;
  if (process.env.COFFRE_COMMAND !== undefined) return onHost;
  if (!existsSync(QUICKSTART)) return OWN;
  toStderr(`using the inventory of the quickstart, ${QUICKSTART}; another one: --inventory DIR\n`);
  return QUICKSTART;
}

export function inventoryOf(values: TaskContext['values'], onHost?: string): Promise<Inventory> {
  return readInventory(inventoryFolder(values, onHost));
}

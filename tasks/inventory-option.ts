import { existsSync } from 'node:fs';
import { readInventory } from '../lib/inventory/read.ts';
import type { Inventory } from '../lib/model/inventory.ts';
import { type TaskContext, textOf } from './run-task.ts';

const OWN = 'inventory';
const QUICKSTART = '.quickstart/inventory';
/** Where provisioning writes a host's slice, unless the inventory says otherwise. */
const ON_HOST = '/etc/coffre';

/** The folder that `--inventory` names; without it the host's slice for the agent, else the one of the quickstart while there is one. */
export function inventoryFolder(values: TaskContext['values']): string {
  const named = textOf(values, 'inventory');
  if (named !== undefined) return named;
  if (process.env.COFFRE_COMMAND !== undefined) return ON_HOST;
  if (!existsSync(QUICKSTART)) return OWN;
  process.stderr.write(`using the inventory of the quickstart, ${QUICKSTART}; another one: --inventory DIR\n`);
  return QUICKSTART;
}

export function inventoryOf(values: TaskContext['values']): Promise<Inventory> {
  return readInventory(inventoryFolder(values));
}

import { existsSync } from 'node:fs';
import { readInventory } from '../lib/inventory/read.ts';
import type { Inventory } from '../lib/model/inventory.ts';
import { type TaskContext, textOf } from './run-task.ts';

const OWN = 'inventory';
const QUICKSTART = '.quickstart/inventory';

/** The folder that `--inventory` names; without it the one of the quickstart while there is one. */
export function inventoryFolder(values: TaskContext['values']): string {
  return textOf(values, 'inventory') ?? (existsSync(QUICKSTART) ? QUICKSTART : OWN);
}

export function inventoryOf(values: TaskContext['values']): Promise<Inventory> {
  return readInventory(inventoryFolder(values));
}

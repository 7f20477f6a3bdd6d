import { putBackOld } from '../lib/flow/put-back-old.ts';
import { restoreTarget, serverAt } from '../lib/flow/restore-target.ts';
import { CoffreError } from '../lib/model/error.ts';
import type { Emit } from '../lib/model/event.ts';
import type { HostConfig } from '../lib/model/inventory.ts';
import { formatTable } from '../lib/report/table.ts';

import { listOf, textOf } from './run-task.ts';

import type { TaskContext, TaskResult } from './task.ts';

export const PUT_BACK_OPTION = {
  'put-back':
    '=…NAME  restore nothing: put back the old database that a restore which was cut short has moved aside; needs no key; --drop-first NAME drops what stands in its place',
};

/** Does what `--put-back` asks for. */
export async function putBackOf(
  values: TaskContext['values'],
  host: () => Promise<HostConfig>,
  emit: Emit,
): Promise<TaskResult> {
  const names = listOf(values, 'put-back');
  refuseOthers(values);
  const socket = textOf(values, 'socket');
  const optionFile = textOf(values, 'defaults-file');
  const target =
    socket === undefined ? await restoreTarget(await host(), optionFile, undefined) : serverAt(socket, optionFile);
  const asides = await putBackOld(target, names, listOf(values, 'drop-first'), emit);
  const rows = asides.map(({ database, name }) => [database, name]);
  return { text: formatTable(['put back', 'from'], rows), data: { putBack: asides } };
}

/** What says how a restore is to be done: nothing is restored here, and least of all is it done where nothing was to be done. */
const OF_RESTORES = ['dry-run', 'run', 'from', 'database', 'table', 'as', 'overwrite', 'schema-only', 'accounts'];

export function refuseOthers(values: TaskContext['values']): void {
  const given = OF_RESTORES.filter((option) => {
    const value = values[option];
    return Array.isArray(value) ? value.length > 0 : value !== undefined && value !== false;
  });
  if (given.length === 0) return;
  const named = given.map((option) => `--${option}`).join(', ');
  throw new CoffreError('usage', `cannot put anything back with ${named}: that is for a restore`, {
    hint: 'without --drop-first, --put-back drops nothing, and tells what stands in the place',
  });
}

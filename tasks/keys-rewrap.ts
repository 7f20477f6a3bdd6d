import { rewrap } from '../lib/flow/rewrap.ts';
import { CoffreError } from '../lib/model/error.ts';
import type { Inventory, Recipient } from '../lib/model/inventory.ts';
import { RecipientName } from '../lib/model/names.ts';
import { formatRewrap, rewrapExit } from '../lib/report/rewrap-result.ts';
import { hostsOf, placesOf, runOf } from './keys-test.ts';
import { privateKeyOf } from './private-key-option.ts';
import { listOf, textOf } from './run-task.ts';
import type { TaskContext, TaskResult } from './task.ts';

const EXAMPLE = 'npx zx tasks/keys.ts rewrap db1 --recipient auditor --private-key ~/keys/company.pem';

/** `keys rewrap`: a further recipient of runs that are there already. */
export async function rewrapTask({ values, emit, signal }: TaskContext, words: readonly string[]): Promise<TaskResult> {
  const open = privateKeyOf(values, 'private-key', EXAMPLE);
  const run = runOf(values);
  const { inventory, hosts } = await hostsOf(values, words, run);
  const recipients = recipientsOf(values, inventory);
  const from = textOf(values, 'from');
  const places = await rewrap({
    ...{ recipients, inventory, hosts, run, emit, signal },
    privateKey: await open(),
    from: from === undefined ? [] : [from],
    open: placesOf(values, signal),
  });
  return { text: formatRewrap(places), data: places, exitCode: rewrapExit(places) };
}

function recipientsOf(values: TaskContext['values'], { recipients, folder }: Inventory): readonly Recipient[] {
  const names = listOf(values, 'recipient');
  if (names.length === 0) {
    throw new CoffreError('usage', 'cannot tell for whom: --recipient NAME', { hint: EXAMPLE });
  }
  return names.map((text) => {
    const name = RecipientName.safeParse(text);
    const found = name.success ? recipients.get(name.data) : undefined;
    if (found) return found;
    throw new CoffreError('usage', `cannot find the recipient ${JSON.stringify(text)} in ${folder}`, {
      hint: 'see which there are: npx zx tasks/keys.ts list',
    });
  });
}

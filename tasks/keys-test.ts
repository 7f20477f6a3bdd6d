import { openAtControl } from '../lib/flow/control-place.ts';
import { openPlace } from '../lib/flow/find-copy.ts';
import { operatorLogin } from '../lib/flow/login.ts';
import { selectHosts } from '../lib/flow/select-hosts.ts';
import { testKey } from '../lib/flow/test-key.ts';
import { CoffreError } from '../lib/model/error.ts';
import type { HostConfig, Inventory } from '../lib/model/inventory.ts';
import { RunId } from '../lib/model/run-id.ts';
import { formatKeyTest, keyTestExit } from '../lib/report/key-test.ts';
import { inventoryOf } from './inventory-option.ts';
import { OFFLINE_OPTIONS, offlineOf } from './offline-option.ts';
import { privateKeyOf } from './private-key-option.ts';

import { textOf } from './run-task.ts';

import type { TaskContext, TaskResult } from './task.ts';

/** The options by which copies are found. */
export const COPY_OPTIONS = {
  all: 'all hosts of the inventory',
  from: '=PLACE  store, export, offsite:<name>, or a folder (default: the nearest of these that has the run whole)',
  run: '=RUN  such as 2026-11-22T040000Z (default: latest, the newest there is)',
  here: 'the store and the export are folders of this machine, though the inventory has a way to the host',
  identity:
    "=FILE  private SSH key to log in to a host with (default: the inventory's, the SSH agent, ~/.ssh/id_ed25519)",
  'offsite-identity': '=FILE  private SSH key for the offsites (default: the path that the inventory names)',
  ...OFFLINE_OPTIONS,
};

/** `keys test`: whether a private key opens the newest run of each host. */
export async function testKeyTask(
  { values, emit, signal }: TaskContext,
  names: readonly string[],
): Promise<TaskResult> {
  const open = privateKeyOf(values, 'private-key', 'npx zx tasks/keys.ts test --all --private-key ~/keys/company.pem');
  const run = runOf(values);
  const { inventory, hosts } = await hostsOf(values, names, run);
  const privateKey = await open();
  const from = textOf(values, 'from');
  const tests = await testKey({
    privateKey,
    inventory,
    hosts,
    from,
    run,
    open: placesOf(values, signal),
    emit,
    signal,
  });
  return { text: formatKeyTest(tests), data: tests, exitCode: keyTestExit(tests) };
}

/** The run that `--run` names; undefined for the newest. */
export function runOf(values: TaskContext['values']): RunId | undefined {
  const named = textOf(values, 'run');
  const run = RunId.optional().safeParse(named === 'latest' ? undefined : named);
  if (run.success) return run.data;
  throw new CoffreError('usage', 'cannot read --run', { hint: 'such as --run 2026-11-22T040000Z, or latest' });
}

/** The hosts that are meant, by the inventory, or by a folder of runs alone. */
export async function hostsOf(
  values: TaskContext['values'],
  names: readonly string[],
  run: RunId | undefined,
): Promise<{ readonly inventory: Inventory; readonly hosts: readonly HostConfig[] }> {
  const offline = await offlineOf(values, names, run);
  if (offline) return { inventory: offline.inventory, hosts: [offline.host] };
  const inventory = await inventoryOf(values);
  return { inventory, hosts: selectHosts(inventory, names, values.all === true) };
}

/** Opens the places of a host: over SSH what is the host's own, unless this is that host, or says that it has them here. */
export function placesOf(values: TaskContext['values'], signal: AbortSignal) {
  const login = operatorLogin(textOf(values, 'identity'), process.env.SSH_AUTH_SOCK);
  const offsiteIdentity = textOf(values, 'offsite-identity');
  const isHost = process.env.COFFRE_COMMAND !== undefined;
  return (host: HostConfig, place: string) => {
    const isHere = isHost || values.here === true || host.ssh === undefined;
    if (isHere && (place === 'store' || place === 'export')) return openPlace(host, place, signal);
    return openAtControl(host, place, { login, offsiteIdentity, signal });
  };
}

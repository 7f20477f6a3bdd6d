import { operatorLogin } from '../lib/flow/login.ts';
import type { Opening } from '../lib/flow/opening.ts';
import { primaryOf } from '../lib/flow/primary-of.ts';
import { type Attended, readAttendedRestore } from '../lib/flow/read-attended-restore.ts';
import { releaseShelf } from '../lib/flow/release-shelf.ts';
import { restoreOnHost } from '../lib/flow/restore-on-host.ts';
import { removeUpload, runningRelease } from '../lib/flow/running-release.ts';
import { selectHost } from '../lib/flow/select-hosts.ts';
import { CoffreError } from '../lib/model/error.ts';
import type { HostConfig, Inventory } from '../lib/model/inventory.ts';
import type { RunId } from '../lib/model/run-id.ts';
import { onOneLine } from '../lib/report/table.ts';

import { textOf } from './run-task.ts';

import type { TaskContext, TaskResult } from './task.ts';

/** Options of a task that a host can carry out for control. */
export const ON_OPTIONS = {
  on: '=HOST  have this host do it, over SSH: it gets the passphrase of the run alone, and paths are those of that host',
  identity: "=FILE  private SSH key to log in there with (default: the inventory's, the SSH agent, ~/.ssh/id_ed25519)",
  'offsite-identity':
    '=FILE  private SSH key for an offsite that is read here for another host (default: the inventory)',
  attended: 'for control, which has sent an order: it is on standard input, whose end ends this',
} as const;

/** What control keeps to itself, or says in another way. */
const OWN: readonly string[] = [
  ...Object.keys(ON_OPTIONS),
  ...['key', 'passphrase-file', 'passphrase-fd', 'inventory', 'json', 'from', 'run', 'signers', 'signer'],
];

interface Elsewhere extends Pick<TaskContext, 'values' | 'emit' | 'signal'> {
  readonly inventory: Inventory;
  readonly host: HostConfig;
  readonly run: RunId | undefined;
  /** Absent where nothing is to be opened. */
  readonly opening: (() => Promise<Opening>) | undefined;
}

/** Has the host that `--on` names restore. Its words are shown as they come, without what would move a cursor. */
export async function restoreElsewhere({ values, opening, ...order }: Elsewhere): Promise<TaskResult> {
  const { inventory, host } = order;
  if (process.env.COFFRE_COMMAND !== undefined) {
    throw new CoffreError('usage', 'cannot order anything from another host: this one has neither a key nor a login', {
      hint: 'run it where the private key is, in a checkout with the inventory of all hosts',
    });
  }
  if (values.signers !== undefined || values.signer !== undefined) {
    throw new CoffreError('usage', 'cannot reach another host without the inventory', {
      hint: 'leave out --signers and --signer, or --on',
    });
  }
  const on = selectHost(inventory, [textOf(values, 'on') ?? '']);
  const words = wordsOf(values);
  if (values['as-replica'] === true && textOf(values, 'primary') === undefined) {
    const { address, port } = primaryOf(host, inventory, undefined, undefined);
    words.push(`--primary=${address.includes(':') ? `[${address}]` : address}:${port}`);
  }
  const opened = await opening?.();
  if (opened?.kind === 'asked') throw new CoffreError('usage', 'cannot have another host do what control has ordered');
  const { text, data, exitCode } = await restoreOnHost({
    ...{ ...order, on, words, privateKey: opened?.privateKey },
    from: textOf(values, 'from'),
    login: operatorLogin(textOf(values, 'identity'), process.env.SSH_AUTH_SOCK),
    offsiteIdentity: textOf(values, 'offsite-identity'),
    releases: releaseShelf(),
  });
  return { text: text.split('\n').map(onOneLine).join('\n'), data, exitCode };
}

/** The same restore as that host is to be asked for it. */
function wordsOf(values: TaskContext['values']): string[] {
  return Object.entries(values).flatMap(([name, value]) => {
    if (OWN.includes(name)) return [];
    return [value].flat().flatMap((each) => {
      if (typeof each === 'string') return [`--${name}=${each}`];
      return each === true ? [`--${name}`] : [];
    });
  });
}

/**
 * A task that may be ordered from control, with `--attended`: `act` gets then what stands for the inventory, the key and the
 * person, and a signal that fires also when control has gone. Its result goes to control as data.
 */
export function attendable(
  act: (context: TaskContext, attended?: Attended) => Promise<TaskResult>,
): (context: TaskContext) => Promise<TaskResult> {
  return async (context) => {
    if (context.values.attended !== true) return await act(context);
    const release = await runningRelease(import.meta.url);
    const attended = await readAttendedRestore(process.stdin, context.emit);
    try {
      const signal = AbortSignal.any([context.signal, attended.gone]);
      const { text, data, exitCode = 0 } = await act({ ...context, signal }, attended);
      return { text: '', data: { text, data, exitCode } };
    } finally {
      if (attended.gone.aborted) await removeUpload(release);
      process.stdin.destroy();
    }
  };
}

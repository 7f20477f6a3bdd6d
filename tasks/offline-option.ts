import { existsSync } from 'node:fs';
import { type OfflineHost, offlineHost, type Trust } from '../lib/flow/offline-host.ts';
import { CoffreError } from '../lib/model/error.ts';
import type { RunId } from '../lib/model/run-id.ts';
import { inventoryFolder } from './inventory-option.ts';

import { textOf } from './run-task.ts';

import type { TaskContext } from './task.ts';

/** What a task without an inventory is told instead. */
export const OFFLINE_OPTIONS = {
  signers: '=FILE  without an inventory: the allowed_signers that says whose signature counts',
  signer: "=SHA256:…  … or the fingerprint of the host's signing key, as ssh-keygen -l prints it",
};

/**
 * The host that a folder of runs is of, where `--signers` or `--signer` is given; undefined where the inventory counts. Throws
 * `usage`, also when there is neither.
 */
export async function offlineOf(
  values: TaskContext['values'],
  words: readonly string[],
  run: RunId | undefined,
): Promise<OfflineHost | undefined> {
  const from = textOf(values, 'from');
  const trust = trustOf(values);
  if (!trust) {
    if (textOf(values, 'inventory') !== undefined || from === undefined || existsSync(inventoryFolder(values)))
      return undefined;
    throw new CoffreError(
      'usage',
      `cannot tell whose signature counts: there is no inventory ${inventoryFolder(values)}`,
      {
        hint: 'name one: --inventory DIR; or without any: --signers FILE, or --signer SHA256:…',
      },
    );
  }
  if (from === undefined || !from.includes('/')) {
    throw new CoffreError('usage', 'cannot restore without an inventory but from a folder', {
      hint: 'name it with a slash: --from ./2026-11-22T040000Z',
    });
  }
  const offline = await offlineHost(from, run, trust);
  const [wanted = offline.host.name] = words;
  if (wanted === offline.host.name) return offline;
  throw new CoffreError('usage', `cannot restore ${wanted}: the runs in ${from} are of ${offline.host.name}`, {
    hint: `leave the name out, or say ${offline.host.name}`,
  });
}

function trustOf(values: TaskContext['values']): Trust | undefined {
  const path = textOf(values, 'signers');
  const fingerprint = textOf(values, 'signer');
  if (path !== undefined && fingerprint !== undefined)
    throw new CoffreError('usage', 'cannot take both --signers and --signer', { hint: 'leave one of them away' });
  if (path !== undefined) return { kind: 'signers', path };
  if (fingerprint === undefined) return undefined;
  if (/^SHA256:[A-Za-z0-9+/]{43}$/.test(fingerprint)) return { kind: 'fingerprint', fingerprint };
  throw new CoffreError('usage', 'cannot read --signer: it is no fingerprint', {
    hint: 'such as SHA256:uNiVztksCsDhcc0u9e8BgrJXVGQXGcvqZDKBIdVbMvo, from: ssh-keygen -lf signing.pub',
  });
}

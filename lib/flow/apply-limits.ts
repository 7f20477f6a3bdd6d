import type { Emit } from '../model/event.ts';
import type { HostConfig } from '../model/inventory.ts';
import { lowerPriority } from '../system/process-priority.ts';

/**
 * Puts this process, and with it every program that it starts, behind whatever the host serves. For the process
 * of one run alone: it cannot be undone. The server that is backed up is no child of it, and keeps its priority.
 */
export async function applyLimits({ name, limits }: HostConfig, emit: Emit): Promise<void> {
  for (const text of await lowerPriority(limits)) {
    emit({ kind: 'warning', subject: name, text, hint: 'or leave it as it is: limits: { nice: 0, io: normal }' });
  }
}

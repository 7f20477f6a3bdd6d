import { asCoffreError } from '../model/error.ts';
import type { HostConfig } from '../model/inventory.ts';
import { type BackupResult, backup } from './backup.ts';
import type { BackupContext } from './backup-context.ts';
import { prune } from './prune.ts';
import type { PlacePrune } from './prune-order.ts';
import type { PublishedVerification } from './publish-verification.ts';
import { verifyWhenDue } from './verify-when-due.ts';

export interface NightResult extends BackupResult {
  /** The places that the retention of the host names. */
  readonly pruned: readonly PlacePrune[];
  /** What was found of the copies; null where no look at them was due, or none could be begun. */
  readonly looked: PublishedVerification | null;
}

/**
 * What a host does each night: a run, and then what its retention asks for, which is never before there is a new run; last a
 * look at all copies, where one is due. A place that could not be cleared is told, and fails nothing: the next night tries
 * again. Throws what `backup` throws.
 */
export async function runNight(host: HostConfig, context: BackupContext): Promise<NightResult> {
  const result = await backup(host, context);
  const { emit } = context;
  const tell = ({ message, hint }: { readonly message: string; readonly hint: string | undefined }, where: string) => {
    const text = `old runs are still in ${where}: ${message}`;
    emit({ kind: 'warning', subject: host.name, text, hint: hint ?? 'look at: npx zx tasks/prune.ts --dry-run' });
  };
  const pruned = await prune(host, { ...context, dryRun: false }).catch((error: unknown) => {
    tell(asCoffreError(error), 'their places');
    return [];
  });
  for (const { place, error } of pruned) if (error) tell(error, place);
  return { ...result, pruned, looked: await verifyWhenDue(host, context) };
}

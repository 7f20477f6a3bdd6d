import { type Connection, describeServer } from '../database/connection.ts';
import type { Manifest } from '../model/manifest.ts';
import type { SelectionWish } from '../model/selection.ts';
import type { RunReader } from '../storage/run-reader.ts';
import { systemClock } from '../system/clock.ts';
import { inspectRestoreTarget } from './inspect-restore-target.ts';
import { planRestore, type RestorePlan } from './plan-restore.ts';

/** What is wished for, as far as a plan depends on it. */
interface Wished {
  readonly target: Connection;
  readonly databases?: readonly string[] | undefined;
  readonly accounts: boolean;
  readonly selection?: SelectionWish | undefined;
  readonly overwrite: readonly string[];
  readonly dropFirst?: readonly string[] | undefined;
  readonly confirm?: ((plan: RestorePlan) => Promise<readonly string[]>) | undefined;
  readonly dryRun: boolean;
}

/**
 * Makes the plan that is carried out, of whichever copy. What it refuses to overwrite a person may name, who is asked no
 * more than once: what was named holds for the next copy, too.
 */
export function agreement(
  order: Wished,
): (manifest: Manifest, reader: RunReader, far: boolean) => Promise<RestorePlan> {
  const at = systemClock.now();
  let overwrite = order.overwrite;
  let asked = order.confirm === undefined || order.dryRun;
  return async (manifest, reader, far) => {
    const plan = async () =>
      planRestore(manifest, {
        ...(await inspectRestoreTarget(order.target, overwrite)),
        where: reader.where,
        into: describeServer(order.target),
        files: await reader.list(),
        far,
        databases: order.databases,
        accounts: order.accounts,
        selection: order.selection,
        overwrite,
        dropFirst: order.dropFirst ?? [],
        at,
      });
    const first = await plan();
    if (asked || first.refused.length === 0) return first;
    asked = true;
    const named = (await order.confirm?.(first)) ?? [];
    if (named.length === 0) return first;
    overwrite = [...overwrite, ...named];
    return await plan();
  };
}

import { join } from 'node:path';
import { asCoffreError } from '../model/error.ts';
import type { HostConfig, Inventory } from '../model/inventory.ts';
import type { RecipientName, Sha256 } from '../model/names.ts';
import type { RunId } from '../model/run-id.ts';
import { describePublicKey } from '../seal/public-key.ts';
import { planRetention } from '../storage/plan-retention.ts';
import { makeFolder } from '../system/files.ts';
import { lockOrThrow } from '../system/lock.ts';
import { claimStore } from './claim-store.ts';
import { readHeldRuns } from './held-runs.ts';
import { afterPrune } from './memory-of-night.ts';
import { PruneOnRecord } from './prune-on-record.ts';
import type { PlacePrune, PruneOrder } from './prune-order.ts';
import { type PrunedPlace, prunedPlaces } from './pruned-places.ts';
import { remember } from './remember.ts';

/**
 * Removes from each place of a host what its retention does not ask for, on that host. A place that cannot be looked at is
 * left alone, and told; so is one where only its owner can remove anything, with the plan for that. What is removed goes on record, each run before it is touched. Nobody else works on the host's runs
 * meanwhile: throws `locked` where somebody does. A store in which another host is at work is left alone, and told.
 */
export async function prune(host: HostConfig, order: PruneOrder): Promise<readonly PlacePrune[]> {
  const { clock, dryRun, only } = order;
  const places = prunedPlaces(host).filter(({ name }) => only === undefined || only.includes(name));
  if (dryRun) return await each(places, (place) => look(place, host, order));
  await makeFolder(host.state.path, 0o700);
  const lock = await lockOrThrow(join(host.state.path, 'run.lock'), {
    doing: 'prune',
    since: clock.now().toISOString(),
  });
  try {
    const record = new PruneOnRecord(host, clock);
    const done = await each(places, (place) => carryOut(place, host, order, record));
    await record.publish(done, order);
    await remember(host, afterPrune(done), order.emit);
    return done;
  } finally {
    await lock.release();
  }
}

/** One after another: each of them may be a disk that others need. */
async function each(places: readonly PrunedPlace[], act: (place: PrunedPlace) => Promise<PlacePrune>) {
  const done: PlacePrune[] = [];
  for (const place of places) done.push(await act(place));
  return done;
}

async function look(place: PrunedPlace, host: HostConfig, order: PruneOrder): Promise<PlacePrune> {
  return await atPlace(place, order, async (opened) => await planAt(place, opened, host, order));
}

async function carryOut(
  place: PrunedPlace,
  host: HostConfig,
  order: PruneOrder,
  record: PruneOnRecord,
): Promise<PlacePrune> {
  return await atPlace(place, order, async (opened) => {
    // Another host that is at work in the same folder, such as the one that this one replaces, is not to lose what it reads.
    const lock = place.name === 'store' && !place.byOwner ? await claimStore(host, 'prune', order) : undefined;
    try {
      return await removeSpare(place, opened, host, order, record);
    } finally {
      await lock?.release();
    }
  });
}

async function removeSpare(
  place: PrunedPlace,
  opened: Opened,
  host: HostConfig,
  order: PruneOrder,
  record: PruneOnRecord,
): Promise<PlacePrune> {
  const planned = await planAt(place, opened, host, order);
  if (place.byOwner) return planned;
  const removed: RunId[] = [];
  try {
    for (const { run, reasons } of planned.runs) {
      if (reasons.length > 0) continue;
      order.signal.throwIfAborted();
      await record.remove({ ...planned, removed }, run);
      await opened.remove(run);
      removed.push(run);
      order.emit({ kind: 'note', subject: host.name, text: `removed the run ${run} from ${place.name}` });
    }
  } catch (error) {
    return { ...planned, removed, error: troubleOf(error) };
  }
  return { ...planned, removed };
}

type Opened = Awaited<ReturnType<PrunedPlace['open']>>;

async function atPlace(
  place: PrunedPlace,
  { signal }: PruneOrder,
  act: (opened: Opened) => Promise<PlacePrune>,
): Promise<PlacePrune> {
  try {
    const opened = await place.open(signal);
    try {
      return await act(opened);
    } finally {
      opened.close();
    }
  } catch (error) {
    signal.throwIfAborted();
    const { name, byOwner } = place;
    return { place: name, byOwner, runs: [], untrusted: [], removed: [], error: troubleOf(error) };
  }
}

async function planAt(
  { name, keep, byOwner }: PrunedPlace,
  opened: Opened,
  host: HostConfig,
  { inventory, clock, signal }: PruneOrder,
): Promise<PlacePrune> {
  const { runs, untrusted } = await readHeldRuns(opened, host, inventory, signal);
  const plan = planRetention(runs, {
    ...{ keep, schedule: host.schedule, timezone: host.timezone, now: clock.now() },
    recipients: recipientsOf(host, inventory),
  });
  const bytes = new Map(runs.map(({ run, sealedBytes }) => [run, sealedBytes]));
  return {
    place: name,
    byOwner,
    runs: plan.map((each) => ({ ...each, sealedBytes: bytes.get(each.run) ?? 0 })),
    ...{ untrusted, removed: [], error: null },
  };
}

function recipientsOf(host: HostConfig, { recipients }: Inventory): ReadonlyMap<Sha256, RecipientName> {
  return new Map(
    host.recipients.flatMap((name): [Sha256, RecipientName][] => {
      const found = recipients.get(name);
      return found ? [[describePublicKey(found.publicKey, name).fingerprint, name]] : [];
    }),
  );
}

function troubleOf(error: unknown): PlacePrune['error'] {
  const { code, message, hint } = asCoffreError(error);
  return { code, message, hint };
}

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { asCoffreError, type CoffreError, errnoOf } from '../model/error.ts';
import type { HostConfig } from '../model/inventory.ts';
import type { Manifest } from '../model/manifest.ts';
import { OffsiteName } from '../model/names.ts';
import { RunId } from '../model/run-id.ts';
import { openRunFolders } from '../storage/run-folders.ts';
import type { RunReader } from '../storage/run-reader.ts';
import { explained, makeFolder, readRequired, removeDurably, writeDurably } from '../system/files.ts';
import type { BackupContext } from './backup-context.ts';
import { openOffsite } from './open-offsite.ts';
import { readManifest } from './read-manifest.ts';
import { closingFiles, DAY_ARCHIVE_FILE, type RunForm } from './run-files.ts';
import { finishShipment, ship } from './ship.ts';

const Debt = z.strictObject({ run: RunId, offsite: OffsiteName });
/** A copy that an offsite has not got yet. */
export type Debt = z.infer<typeof Debt>;

type Delivery = Manifest['deliveries'][number];

export interface Payment {
  readonly deliveries: readonly Delivery[];
  /** What is still owed, and why: the first debt of each offsite that failed. */
  readonly failed: readonly (Debt & { readonly error: CoffreError })[];
}

const folderOf = (host: HostConfig) => join(host.state.path, 'owed');
const pathOf = (host: HostConfig, { run, offsite }: Debt) => join(folderOf(host), `${run}-${offsite}.json`);

export async function owe(host: HostConfig, debt: Debt): Promise<void> {
  await makeFolder(folderOf(host), 0o700);
  await writeDurably(pathOf(host, debt), JSON.stringify(debt), 0o600);
}

/** What is owed, the oldest run first. */
export async function readDebts(host: HostConfig): Promise<readonly Debt[]> {
  const names = await readdir(folderOf(host)).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return [];
    throw explained('list', folderOf(host), error);
  });
  const files = names.filter((name) => name.endsWith('.json')).sort();
  return await Promise.all(
    files.map(async (name) =>
      Debt.parse(JSON.parse((await readRequired(join(folderOf(host), name))).toString('utf8'))),
    ),
  );
}

/**
 * Delivers what is owed, in order. An offsite that fails keeps the rest of its debts for the next run, and the others
 * go on. A run that is no longer on this host can never be delivered: its debt is dropped with a warning.
 */
export async function payDebts(host: HostConfig, context: BackupContext): Promise<Payment> {
  const deliveries: Delivery[] = [];
  const failed: (Debt & { error: CoffreError })[] = [];
  for (const debt of await readDebts(host)) {
    if (failed.some(({ offsite }) => offsite === debt.offsite)) continue;
    try {
      const delivery = await pay(host, debt, context);
      if (delivery) deliveries.push(delivery);
      await removeDurably(pathOf(host, debt));
    } catch (error) {
      context.signal.throwIfAborted();
      failed.push({ ...debt, error: asCoffreError(error) });
    }
  }
  return { deliveries, failed };
}

async function pay(
  host: HostConfig,
  { run, offsite: name }: Debt,
  context: BackupContext,
): Promise<Delivery | undefined> {
  const { emit, signal, inventory } = context;
  const drop = (why: string, hint: string) => {
    emit({ kind: 'warning', subject: host.name, text: `cannot deliver ${run} to ${name} any more: ${why}`, hint });
    return undefined;
  };
  const config = host.offsite.find((each) => each.name === name);
  if (!config) return drop('the inventory has no such offsite', `look at: inventory/hosts/${host.name}.yaml`);
  const found = await findLocal(host, run);
  if (!found) return drop('neither export nor store has it', 'nothing to do: newer runs are delivered');
  const signed = await readManifest(found.source, host.name, run, inventory.allowedSigners);
  const offsite = await openOffsite(host, config, signal);
  try {
    // There already: an earlier run was killed between the last step over there and the note of it here.
    if (await offsite.openRun(run)) return { run, offsite: name, verified: 'size only' };
    emit({ kind: 'phase-started', phase: 'ship', subject: `${run} to ${name}, owed` });
    const upload = await offsite.beginRun(run);
    const verified = await ship({ ...found, draft: signed.manifest, upload, emit, signal });
    await finishShipment(upload, closingFiles(signed, found.form));
    return { run, offsite: name, verified };
  } finally {
    offsite.close();
  }
}

/** The run in the export, or else in the store: either is enough to recover from. */
async function findLocal(host: HostConfig, run: RunId): Promise<{ source: RunReader; form: RunForm } | undefined> {
  const exported = await openRunFolders(host.export.path).openRun(run);
  if (exported && (await exported.sizeOf(DAY_ARCHIVE_FILE)) !== undefined) return { source: exported, form: 'offsite' };
  const stored = await openRunFolders(host.store.path).openRun(run);
  return stored && { source: stored, form: 'store' };
}

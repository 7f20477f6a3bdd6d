import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { asCoffreError, CoffreError, errnoOf } from '../model/error.ts';
import type { HostConfig } from '../model/inventory.ts';
import type { Manifest, SignedManifest } from '../model/manifest.ts';
import { OffsiteName } from '../model/names.ts';
import { RunId } from '../model/run-id.ts';
import { openRunFolders } from '../storage/run-folders.ts';
import { type RunReader, readSmall } from '../storage/run-reader.ts';
import { explained } from '../system/explained.ts';
import { makeFolder, readRequired, removeDurably, sha256Of, writeDurably } from '../system/files.ts';
import type { BackupContext } from './backup-context.ts';
import { openOffsite } from './open-offsite.ts';
import { readManifest } from './read-manifest.ts';
import { closingFiles, DAY_ARCHIVE_FILE, formOf, type RunForm, sealedFilesOf, vouchedFiles } from './run-files.ts';
import { withStandIn } from './run-store.ts';
import { finishShipment, ship, tellWeaknesses } from './ship.ts';

const Debt = z.strictObject({ run: RunId, offsite: OffsiteName });
/** A copy that an offsite has not got yet. */
export type Debt = z.infer<typeof Debt>;

type Delivery = Manifest['deliveries'][number];

export interface Payment {
  readonly deliveries: readonly Delivery[];
  /** What is still owed, and why: the first debt of each offsite that failed. */
  readonly failed: readonly (Debt & { readonly error: CoffreError })[];
  /** Strikes out what was delivered. To be called once a signed manifest says so, or nobody would ever know. */
  strike(): Promise<void>;
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
 * go on. A run that is no longer on this host can never be delivered: its debt is dropped with a warning. A kill before
 * `strike` leaves debts that are paid: the next run finds their runs over there, and says so.
 */
export async function payDebts(host: HostConfig, context: BackupContext, storeLost?: CoffreError): Promise<Payment> {
  const deliveries: Delivery[] = [];
  const paid: Debt[] = [];
  const failed: (Debt & { error: CoffreError })[] = [];
  for (const debt of await readDebts(host)) {
    if (failed.some(({ offsite }) => offsite === debt.offsite)) continue;
    try {
      const delivery = await pay(host, debt, context, storeLost);
      if (delivery) deliveries.push(delivery);
      paid.push(debt);
    } catch (error) {
      context.signal.throwIfAborted();
      failed.push({ ...debt, error: asCoffreError(error) });
    }
  }
  const strike = async () => {
    for (const debt of paid) await removeDurably(pathOf(host, debt));
  };
  return { deliveries, failed, strike };
}

async function pay(
  host: HostConfig,
  { run, offsite: name }: Debt,
  context: BackupContext,
  storeLost: CoffreError | undefined,
): Promise<Delivery | undefined> {
  const { emit, signal, inventory } = context;
  const drop = (why: string, hint: string) => {
    emit({ kind: 'warning', subject: host.name, text: `cannot deliver ${run} to ${name} any more: ${why}`, hint });
    return undefined;
  };
  const config = host.offsite.find((each) => each.name === name);
  if (!config) return drop('the inventory has no such offsite', `look at: inventory/hosts/${host.name}.yaml`);
  const [found, other] = await findLocal(host, run, storeLost !== undefined);
  if (!found && storeLost) throw storeLost; // it may be there
  if (!found) return drop('neither export nor store has it', 'nothing to do: newer runs are delivered');
  let sending = false;
  const deliver = async ({ source, form }: LocalCopy): Promise<Delivery> => {
    const signed = await readManifest(source, host.name, run, inventory.allowedSigners);
    const offsite = await openOffsite(host, config, signal);
    try {
      const there = await offsite.openRun(run);
      if (there) return { run, offsite: name, verified: await compareSizes(there, signed) };
      emit({ kind: 'phase-started', phase: 'ship', subject: `${run} to ${name}, owed` });
      sending = true;
      const upload = await offsite.beginRun(run);
      const verified = await ship({ source, form, draft: signed.manifest, upload, to: name, emit, signal });
      await finishShipment(upload, await closingFiles(signed, form, host.state.path));
      tellWeaknesses(host, offsite, emit);
      return { run, offsite: name, verified };
    } finally {
      offsite.close();
    }
  };
  return await deliver(found).catch((error: unknown) => {
    const { code, message } = asCoffreError(error);
    if (code !== 'verification-failed' || !sending || !other) throw error;
    const hint = `look at: ls -la ${found.source.where}; smartctl -a on its disk`;
    emit({ kind: 'warning', subject: host.name, text: `${message}; the store's copy is sent instead`, hint });
    return deliver(other);
  });
}

/** For a run that is there already: an earlier one of ours was killed before it could say so. */
async function compareSizes(reader: RunReader, signed: SignedManifest): Promise<'size only'> {
  const form = formOf(signed.manifest, await reader.list());
  for (const [name, sha256] of vouchedFiles(signed.manifest, form)) {
    const file = sealedFilesOf(signed.manifest).find((each) => each.file === name);
    const small = file ? undefined : await readSmall(reader, name);
    const same = file ? (await reader.sizeOf(name)) === file.sealedBytes : small && sha256Of(small) === sha256;
    if (same) continue;
    throw new CoffreError('verification-failed', `cannot trust ${reader.where}: ${name} is not as it was sent`, {
      hint: `look at it, and move its folder away over there: the next run sends it again`,
    });
  }
  return 'size only';
}

interface LocalCopy {
  readonly source: RunReader;
  readonly form: RunForm;
}

/** The run in the export and in the store, where it is: either is enough to recover from, and either may be broken. */
async function findLocal(host: HostConfig, run: RunId, storeIsLost: boolean): Promise<readonly LocalCopy[]> {
  const paths = [host.export.path, withStandIn(host).store.path, ...(storeIsLost ? [] : [host.store.path])];
  const found: LocalCopy[] = [];
  let broken: unknown;
  for (const path of paths) {
    try {
      const source = await openRunFolders(path).openRun(run);
      if (!source) continue;
      const files = await source.list();
      // Of a run without a day archive the export has nothing to send.
      if (path !== host.export.path || files.includes(DAY_ARCHIVE_FILE)) {
        found.push({ source, form: files.includes(DAY_ARCHIVE_FILE) ? 'offsite' : 'store' });
      }
    } catch (error) {
      broken ??= error;
    }
  }
  if (found.length === 0 && broken !== undefined) throw broken; // it may be there
  return found;
}

import { readdir, rmdir } from 'node:fs/promises';
import { asCoffreError, CoffreError, errnoOf } from '../model/error.ts';
import type { HostConfig } from '../model/inventory.ts';
import type { Manifest, TrustedManifest } from '../model/manifest.ts';
import type { RunId } from '../model/run-id.ts';
import { asStage, type Bytes, type SealedStream } from '../model/stages.ts';
import { openRunFolders } from '../storage/run-folders.ts';
import { type RunReader, readSmall } from '../storage/run-reader.ts';
import { drain } from '../system/bytes.ts';
import { exists, sha256Of } from '../system/files.ts';
import type { BackupContext } from './backup-context.ts';
import { metered } from './metered.ts';
import { readManifest } from './read-manifest.ts';
import { readSealed } from './read-sealed.ts';
import {
  formOf,
  MANIFEST_FILE,
  type RunForm,
  SIGNATURE_FILE,
  SUMS_FILE,
  sealedFilesOf,
  vouchedFiles,
} from './run-files.ts';
import { withStandIn } from './run-store.ts';

type Delivery = NonNullable<Manifest['storeDeliveries']>[number];

export interface StorePayment {
  readonly deliveries: readonly Delivery[];
  /** The oldest run that could not be taken there, and why: those behind it wait. */
  readonly failed: { readonly run: RunId; readonly error: CoffreError } | null;
  /** Removes what has waited here. To be called once a signed manifest says that it is in the store. */
  strike(): Promise<void>;
}

/** The runs of a host that wait for its store, the oldest first. */
export async function waitingRuns(host: HostConfig): Promise<readonly RunId[]> {
  const { path } = withStandIn(host).store;
  return (await exists(path)) ? await openRunFolders(path).listRuns() : [];
}

/**
 * Takes the runs into the store that were made while it was not to be had, the oldest first, each in the form in which it waits: the
 * day archive, where the store had gone when that was made already. Each file is checked against the
 * signed manifest while it is read here, and again as it lies there. A kill before `strike` leaves what waits: the next run
 * finds it in the store, and compares it there. To be called by whoever holds the lock of the store.
 */
export async function deliverToStore(host: HostConfig, context: BackupContext): Promise<StorePayment> {
  const waiting = openRunFolders(withStandIn(host).store.path);
  const deliveries: Delivery[] = [];
  let failed: StorePayment['failed'] = null;
  for (const run of await waitingRuns(host)) {
    try {
      const source = await waiting.openRun(run);
      if (!source) continue;
      deliveries.push({ run, verified: await deliver(host, run, source, context) });
    } catch (error) {
      context.signal.throwIfAborted();
      failed = { run, error: asCoffreError(error) };
      break;
    }
  }
  const strike = async () => {
    for (const { run } of deliveries) await waiting.removeRun(run);
    await removeIfEmpty(waiting.path);
  };
  return { deliveries, failed, strike };
}

async function deliver(
  host: HostConfig,
  run: RunId,
  source: RunReader,
  context: BackupContext,
): Promise<Delivery['verified']> {
  const { emit, signal, inventory } = context;
  const signed = await readManifest(source, host.name, run, inventory.allowedSigners);
  const form = formOf(signed.manifest, await source.list());
  const store = openRunFolders(host.store.path);
  const there = await store.openRun(run);
  if (!there) {
    emit({ kind: 'phase-started', phase: 'ship', subject: `${run} to the store, owed` });
    const folder = await store.beginRun(run);
    try {
      await copyAll(signed, form, source, folder, context);
      await compareAll(signed, form, folder.reader, context);
      await folder.commit();
    } catch (error) {
      await folder.discard().catch(() => undefined); // the next run clears it away
      throw error;
    }
  } else {
    signal.throwIfAborted();
    const same = await readSmall(there, MANIFEST_FILE);
    if (!same?.equals(signed.bytes)) throw notAsSent(there, MANIFEST_FILE);
    await compareAll(signed, formOf(signed.manifest, await there.list()), there, context);
  }
  return 'read back';
}

type RunFolder = Awaited<ReturnType<ReturnType<typeof openRunFolders>['beginRun']>>;

async function copyAll(
  { manifest }: TrustedManifest,
  form: RunForm,
  source: RunReader,
  folder: RunFolder,
  { emit, signal }: BackupContext,
): Promise<void> {
  for (const [name, sha256] of vouchedFiles(manifest, form)) {
    signal.throwIfAborted();
    const archive = sealedFilesOf(manifest).find(({ file }) => file === name);
    if (archive) {
      const subject = `${name} of ${manifest.run} to the store`;
      const meter = { emit, phase: 'ship', subject, totalBytes: archive.sealedBytes, signal };
      const watch = (bytes: Bytes) => metered(bytes, meter);
      await folder.write(name, asStage<SealedStream>(await readSealed(source, archive, { watch })));
    } else await folder.writeSmall(name, await readVouched(source, name, sha256));
  }
  // They are signed themselves: whoever reads the run there checks them.
  for (const name of [MANIFEST_FILE, SIGNATURE_FILE, SUMS_FILE, `${SUMS_FILE}.sig`]) {
    const content = await readSmall(source, name);
    if (!content) throw notAsSent(source, name);
    await folder.writeSmall(name, content);
  }
}

async function compareAll(
  { manifest }: TrustedManifest,
  form: RunForm,
  there: RunReader,
  { signal }: BackupContext,
): Promise<void> {
  for (const [name, sha256] of vouchedFiles(manifest, form)) {
    signal.throwIfAborted();
    const archive = sealedFilesOf(manifest).find(({ file }) => file === name);
    if (archive) await drain(await readSealed(there, archive, { passing: 'watched' }));
    else await readVouched(there, name, sha256);
  }
}

async function readVouched(reader: RunReader, name: string, sha256: string): Promise<Buffer> {
  const content = await readSmall(reader, name);
  if (content && sha256Of(content) === sha256) return content;
  throw notAsSent(reader, name);
}

function notAsSent(reader: RunReader, name: string): CoffreError {
  return new CoffreError('verification-failed', `cannot trust ${reader.where}: ${name} is not as it was written`, {
    hint: `look at: ls -la ${reader.where}; npx zx tasks/verify.ts`,
  });
}

async function removeIfEmpty(path: string): Promise<void> {
  if (!(await exists(path)) || (await readdir(path)).length > 0) return;
  await rmdir(path).catch((error: unknown) => {
    if (errnoOf(error) !== 'ENOENT') throw error;
  });
}

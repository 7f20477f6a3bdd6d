import { asCoffreError, type CoffreError } from '../model/error.ts';
import type { HostConfig } from '../model/inventory.ts';
import type { Copy, SignedManifest } from '../model/manifest.ts';
import type { OffsiteName } from '../model/names.ts';
import type { OffsiteConfig } from '../model/offsite-config.ts';
import type { Offsite, RunUpload } from '../storage/offsite.ts';
import type { RunReader } from '../storage/run-reader.ts';
import type { BackupContext } from './backup-context.ts';
import type { Draft } from './journal.ts';
import { openOffsite } from './open-offsite.ts';
import { closingFiles } from './run-files.ts';
import { shippedForm } from './run-folders.ts';
import { finishShipment, ship } from './ship.ts';

interface Failure {
  readonly offsite: OffsiteName;
  readonly error: CoffreError;
}

export interface Shipments {
  /** What the manifest says of each offsite: complete and how it was verified, or owed. */
  readonly copies: readonly Copy[];
  readonly failed: readonly Failure[];
  /** Sends the signed manifest to every offsite that has the data, and makes the run appear there. */
  finish(signed: SignedManifest): Promise<readonly Failure[]>;
  close(): void;
}

interface Arrived {
  readonly name: OffsiteName;
  readonly offsite: Offsite;
  readonly upload: RunUpload;
}

/** Sends the data of a run to every offsite of the host. One that fails is owed, and the others go on. */
export async function shipToOffsites(
  host: HostConfig,
  draft: Draft,
  source: RunReader,
  context: BackupContext,
): Promise<Shipments> {
  const copies: Copy[] = [];
  const failed: Failure[] = [];
  const arrived: Arrived[] = [];
  const close = () => {
    for (const { offsite } of arrived) offsite.close();
  };
  const form = shippedForm(draft.dayArchive);
  for (const config of host.offsite) {
    const { name } = config;
    try {
      const { verified, ...connection } = await shipTo(host, config, draft, source, context);
      arrived.push({ name, ...connection });
      copies.push({ kind: 'offsite', offsite: name, state: 'complete', verified });
    } catch (error) {
      if (context.signal.aborted) close();
      context.signal.throwIfAborted();
      failed.push({ offsite: name, error: asCoffreError(error) });
      copies.push({ kind: 'offsite', offsite: name, state: 'owed', verified: null });
    }
  }
  return {
    copies,
    failed,
    close,
    async finish(signed) {
      const late: Failure[] = [];
      const closing = await closingFiles(signed, form, host.state.path);
      for (const { name, upload } of arrived) {
        await finishShipment(upload, closing).catch((error: unknown) => {
          late.push({ offsite: name, error: asCoffreError(error) });
        });
      }
      return late;
    },
  };
}

async function shipTo(
  host: HostConfig,
  config: OffsiteConfig,
  draft: Draft,
  source: RunReader,
  { emit, signal }: BackupContext,
) {
  const offsite = await openOffsite(host, config, signal);
  let upload: RunUpload | undefined;
  try {
    // What earlier uploads of this host left when they were cut: each of these runs is over, or is sent again as a whole.
    for (const left of await offsite.listPartials()) await offsite.removePartial(left);
    upload = await offsite.beginRun(draft.run);
    const verified = await ship({ source, draft, form: shippedForm(draft.dayArchive), upload, emit, signal });
    return { offsite, upload, verified };
  } catch (error) {
    await upload?.discard().catch(() => undefined); // the connection may be what broke; the next run clears it away
    offsite.close();
    throw error;
  }
}

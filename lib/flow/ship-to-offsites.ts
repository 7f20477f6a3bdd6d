import { asCoffreError, type CoffreError } from '../model/error.ts';
import type { HostConfig } from '../model/inventory.ts';
import type { Copy, SignedManifest, Verification } from '../model/manifest.ts';
import type { OffsiteName } from '../model/names.ts';
import type { OffsiteConfig } from '../model/offsite-config.ts';
import type { RunReader } from '../storage/run-reader.ts';
import type { BackupContext } from './backup-context.ts';
import { beginUpload, type OpenUpload } from './begin-upload.ts';
import type { Arrival, Following } from './follow-export.ts';
import type { Draft } from './journal.ts';
import { closingFiles, DAY_ARCHIVE_FILE } from './run-files.ts';
import { shippedForm } from './run-folders.ts';
import { finishShipment, ship, tellWeaknesses } from './ship.ts';

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

interface Shipped {
  readonly offsite: OffsiteName;
  readonly upload: OpenUpload;
  readonly verified: Verification;
}

/**
 * Sends the data of a run to every offsite of the host, all at a time: what is left of it where the day archive has been
 * followed, and all of it elsewhere. One that fails is owed, and the others go on.
 */
export async function shipToOffsites(
  host: HostConfig,
  draft: Draft,
  source: RunReader,
  following: Following | undefined,
  context: BackupContext,
): Promise<Shipments> {
  const form = shippedForm(draft.dayArchive);
  // Without a day archive the run goes in another form, and what has been sent of it is of no use.
  if (form === 'store') await following?.abandon();
  const outcomes = await Promise.all(
    host.offsite.map(async (config): Promise<Shipped | Failure> => {
      const offsite = config.name;
      try {
        const arrival = form === 'store' ? undefined : await following?.arrivalAt(offsite);
        return { offsite, ...(await shipTo(host, config, draft, source, arrival, context)) };
      } catch (error) {
        return { offsite, error: asCoffreError(error) };
      }
    }),
  );
  const shipped = outcomes.flatMap((outcome) => ('error' in outcome ? [] : [outcome]));
  // The run is safe on this host, so that it is owed from now on: what was sent stays for the next run to go on with.
  if (context.signal.aborted) for (const { upload } of shipped) upload.close();
  context.signal.throwIfAborted();
  return {
    copies: outcomes.map((outcome) => {
      const copy = { kind: 'offsite' as const, offsite: outcome.offsite };
      return 'error' in outcome
        ? { ...copy, state: 'owed', verified: null }
        : { ...copy, state: 'complete', verified: outcome.verified };
    }),
    failed: outcomes.flatMap((outcome) => ('error' in outcome ? [outcome] : [])),
    close() {
      for (const { upload } of shipped) upload.close();
    },
    async finish(signed) {
      const closing = await closingFiles(signed, form, host.state.path);
      const late = shipped.map(async ({ offsite, upload }): Promise<readonly Failure[]> => {
        try {
          await finishShipment(upload, closing);
          return [];
        } catch (error) {
          return [{ offsite, error: asCoffreError(error) }];
        }
      });
      return (await Promise.all(late)).flat();
    },
  };
}

async function shipTo(
  host: HostConfig,
  config: OffsiteConfig,
  draft: Draft,
  source: RunReader,
  arrival: Arrival | undefined,
  { emit, signal }: BackupContext,
): Promise<Omit<Shipped, 'offsite'>> {
  const upload = arrival?.upload ?? (await beginUpload(host, config, draft.run, signal));
  const sent = new Map(arrival ? [[DAY_ARCHIVE_FILE, arrival.verified]] : []);
  try {
    const form = shippedForm(draft.dayArchive);
    const verified = await ship({ source, draft, form, upload, to: config.name, sent, emit, signal });
    tellWeaknesses(host, upload, emit);
    return { upload, verified };
  } catch (error) {
    upload.close(); // what was sent stays: the next run goes on with it
    throw error;
  }
}

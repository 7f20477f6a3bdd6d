import { deliveredBy } from '../model/delivered.ts';
import { asCoffreError } from '../model/error.ts';
import type { HostConfig, Inventory } from '../model/inventory.ts';
import type { Manifest } from '../model/manifest.ts';
import type { RunId } from '../model/run-id.ts';
import type { HeldRun } from '../storage/plan-retention.ts';
import { type CopyPlace, openPlace } from './find-copy.ts';
import { readDebts } from './owed.ts';
import { readManifest } from './read-manifest.ts';

/** The runs at one place, for the planner of the retention. */
export interface HeldRuns {
  readonly runs: readonly (HeldRun & { readonly sealedBytes: number })[];
  /** What lies there under the name of a run, and nobody vouches for: it is never counted, and never removed. */
  readonly untrusted: readonly { readonly run: RunId; readonly why: string }[];
}

/** Reads the manifest of every run at `place`. Throws when it cannot look, and for nothing that it finds. */
export async function readHeldRuns(
  place: CopyPlace,
  host: HostConfig,
  inventory: Inventory,
  signal: AbortSignal,
): Promise<HeldRuns> {
  const untrusted: HeldRuns['untrusted'][number][] = [];
  const manifests: Manifest[] = [];
  for (const run of await place.listRuns()) {
    signal.throwIfAborted();
    const reader = await place.openRun(run);
    if (!reader) continue;
    try {
      manifests.push((await readManifest(reader, host.name, run, inventory.allowedSigners)).manifest);
    } catch (error) {
      const { code, message } = asCoffreError(error);
      if (code !== 'verification-failed') throw error;
      untrusted.push({ run, why: message });
    }
  }
  const debts = await readDebts(host);
  const stored = place.name === 'export' ? await storedRuns(host) : new Set<RunId>();
  const runs = manifests.map((manifest) => {
    const { run, sequence, recipients } = manifest;
    return {
      ...{ run, sequence, sealedBytes: sealedBytesOf(manifest, place.name) },
      verified: isVerified(manifest, place.name, manifests),
      opensWith: recipients.map(({ fingerprint }) => fingerprint),
      // What the store has as well is sent from there.
      owedTo:
        place.name.startsWith('offsite:') || stored.has(run)
          ? []
          : debts.filter((debt) => debt.run === run).map(({ offsite }) => offsite),
    };
  });
  return { runs, untrusted };
}

/** Empty where the store cannot be looked at: then the export keeps what it has. */
async function storedRuns(host: HostConfig): Promise<ReadonlySet<RunId>> {
  try {
    return new Set(await (await openPlace(host, 'store')).listRuns());
  } catch {
    return new Set();
  }
}

/** By the run itself, or by a later one that has delivered it. */
function isVerified({ run, copies }: Manifest, place: string, manifests: readonly Manifest[]): boolean {
  const offsite = place.startsWith('offsite:') ? place.slice('offsite:'.length) : null;
  const own = copies.find((copy) => (offsite === null ? copy.kind === place : copy.offsite === offsite));
  const late = manifests
    .flatMap(deliveredBy)
    .find((each) => each.run === run && (offsite === null ? each.kind === place : each.offsite === offsite));
  return [own?.verified, late?.verified].some((how) => how !== undefined && how !== null && how !== 'size only');
}

function sealedBytesOf({ archives, dayArchive }: Manifest, place: string): number {
  if (place !== 'store' && dayArchive) return dayArchive.sealedBytes;
  return archives.reduce((bytes, { sealedBytes }) => bytes + sealedBytes, 0);
}

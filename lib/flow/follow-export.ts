import { asCoffreError, CoffreError } from '../model/error.ts';
import type { HostConfig } from '../model/inventory.ts';
import type { Verification } from '../model/manifest.ts';
import type { OffsiteName } from '../model/names.ts';
import type { OffsiteConfig } from '../model/offsite-config.ts';
import type { RunId } from '../model/run-id.ts';
import type { BackupContext } from './backup-context.ts';
import { beginUpload, type OpenUpload } from './begin-upload.ts';
import type { GrowingDayArchive } from './growing-day-archive.ts';
import { metered } from './metered.ts';
import { readDebts } from './owed.ts';
import { DAY_ARCHIVE_FILE } from './run-files.ts';

/** An upload to which the day archive has been sent, and nothing else yet. */
export interface Arrival {
  readonly upload: OpenUpload;
  readonly verified: Verification;
}

/** Uploads of the day archive that go on beside the dumps. */
export interface Following {
  /**
   * The upload to an offsite, which is the caller's from then on; undefined where none was begun. Throws why it
   * has failed: what was sent is then taken away already, unless the offsite is out of reach.
   */
  arrivalAt(offsite: OffsiteName): Promise<Arrival | undefined>;
  /** Ends every upload that nobody has asked for, and takes away what it has sent. Can be repeated. */
  abandon(): Promise<void>;
}

/**
 * Sends the day archive to every offsite of the host while it still grows in the export, each over a connection of its own,
 * none waiting for another. It is read from the export's disk, never from the dumps, so that no offsite slows them down.
 * Nothing of it counts before the run is sealed.
 *
 * An offsite that lacks earlier runs gets none of this one here: debts go first, once the run is sealed, and then this
 * run.
 */
export function followExport(
  host: HostConfig,
  run: RunId,
  growing: GrowingDayArchive,
  { emit, signal: interrupted }: BackupContext,
): Following {
  const stop = new AbortController();
  const signal = AbortSignal.any([interrupted, stop.signal]);

  async function send(config: OffsiteConfig): Promise<Arrival | undefined> {
    // Most of what rclone reaches wants to know the size before the first byte.
    if (config.kind === 'rclone') return undefined;
    await growing.begun(signal);
    if ((await readDebts(host)).some(({ offsite }) => offsite === config.name)) return undefined;
    const upload = await beginUpload(host, config, run, signal);
    const watch = { emit, phase: 'ship', subject: `${DAY_ARCHIVE_FILE} to ${config.name}`, totalBytes: null, signal };
    try {
      const all = growing.follow(signal);
      const content = { ...all, from: (start: number) => metered(all.from(start), { ...watch, doneBytes: start }) };
      return { upload, verified: await upload.put(DAY_ARCHIVE_FILE, content, () => growing.facts(signal)) };
    } catch (error) {
      // What has got there before the line was lost is what the next run goes on with, should this one come to a good end.
      if (!signal.aborted && asCoffreError(error).code === 'offsite-unreachable') upload.close();
      else await upload.drop();
      throw error;
    }
  }

  const left = new Map(host.offsite.map((config) => [config.name, send(config)]));
  for (const sending of left.values()) sending.catch(() => undefined); // whoever asks for it is told
  return {
    async arrivalAt(offsite) {
      const sending = left.get(offsite);
      left.delete(offsite);
      return await sending;
    },
    async abandon() {
      stop.abort(new CoffreError('interrupted', `cannot go on with the upload of ${run}: it is of no use any more`));
      const sendings = [...left.values()];
      left.clear();
      for (const sending of sendings) await (await sending.catch(() => undefined))?.upload.drop();
    },
  };
}

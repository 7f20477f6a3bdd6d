import type { HostConfig } from '../model/inventory.ts';
import type { OffsiteConfig } from '../model/offsite-config.ts';
import type { RunId } from '../model/run-id.ts';
import type { Offsite, RunUpload } from '../storage/offsite.ts';
import { openOffsite } from './open-offsite.ts';
import { readDebts } from './owed.ts';
import { patientSignal } from './patient-signal.ts';

/** How long an upload that is given up may take to be taken away over there. */
const GRACE_MS = 5000;

/** The upload of a run over a connection of its own. Whoever has it MUST end it, by `close` or `drop`. */
export interface OpenUpload extends RunUpload, Pick<Offsite, 'weaknesses'> {
  /** Ends the connection. What was sent and not committed stays over there. */
  close(): void;
  /** Takes away what was sent, where the offsite still answers, and ends the connection. */
  drop(): Promise<void>;
}

/**
 * Connects to an offsite and begins the upload of a run. Clears away what earlier uploads of this host have left there when
 * they were cut, but for runs that are owed: those go on with it.
 *
 * When `signal` fires, the connection lives on for some seconds, or nothing could be taken away any more. Whoever sends
 * MUST stop by itself.
 */
export async function beginUpload(
  host: HostConfig,
  config: OffsiteConfig,
  run: RunId,
  signal: AbortSignal,
): Promise<OpenUpload> {
  const patience = patientSignal(signal, GRACE_MS);
  const offsite = await openOffsite(host, config, patience.signal).catch((error: unknown) => {
    patience.end();
    throw error;
  });
  patience.begin();
  const close = () => {
    patience.end();
    offsite.close();
  };
  try {
    const owed = (await readDebts(host)).filter((debt) => debt.offsite === config.name).map((debt) => debt.run);
    for (const left of await offsite.listPartials()) {
      if (left !== run && !owed.includes(left)) await offsite.removePartial(left);
    }
    const upload = await offsite.beginRun(run);
    const drop = async () => {
      const late = setTimeout(close, GRACE_MS);
      await upload.discard().catch(() => undefined); // the connection may be what broke; the next run clears it away
      clearTimeout(late);
      close();
    };
    return { ...upload, weaknesses: offsite.weaknesses, close, drop };
  } catch (error) {
    close();
    throw error;
  }
}

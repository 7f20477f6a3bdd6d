import { asCoffreError, CoffreError } from '../model/error.ts';
import type { Emit } from '../model/event.ts';
import type { HostConfig, Inventory } from '../model/inventory.ts';
import type { RunId } from '../model/run-id.ts';
import { CONTROL, nameAtControl, openAtControl } from './control-place.ts';
import { type CopyPlace, openRunAt } from './find-copy.ts';
import type { Login } from './login.ts';
import { readManifest } from './read-manifest.ts';

/** A place that control may read for another host. */
export interface RelayedCandidate {
  readonly name: string;
  /** Opens it where that has not been done. Throws what keeps control from it. */
  open(): Promise<CopyPlace>;
}

/** A run that control reads for another host. */
export interface RelayedCopy {
  readonly run: RunId;
  /** The nearest first: that one is open, and MUST be closed. A farther one is opened when the host turns all before it down. */
  readonly candidates: readonly RelayedCandidate[];
}

export interface CopyWish {
  /** Whose run. */
  readonly host: HostConfig;
  /** Who restores it. */
  readonly on: HostConfig;
  readonly inventory: Inventory;
  readonly from: string | undefined;
  readonly run: RunId | undefined;
  readonly login: Login;
  /** A private SSH key of control's for the offsites; the path that the inventory names if absent. */
  readonly offsiteIdentity: string | undefined;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

/**
 * The copy that control has to read for the host that restores; undefined where that host reads it itself: its own places,
 * or a folder on it. A host has no way into the places of another one, so that control fetches from the other's store, its
 * export, or, if that host is gone, the offsites, whichever has the run, signed; what has not is told.
 *
 * Throws what kept it from the only place there is; `not-found` when several have been tried.
 */
export async function findRelayedCopy(wish: CopyWish): Promise<RelayedCopy | undefined> {
  const { host, on, from, emit } = wish;
  if (from?.startsWith(CONTROL)) return only(await openCopy(wish, from));
  if (host.name === on.name || (from?.includes('/') && !from.startsWith('offsite:'))) return undefined;
  if (from !== undefined) return only(await openCopy(wish, from));
  const failures: CoffreError[] = [];
  const places = ['store', 'export', ...host.offsite.map(({ name }) => `offsite:${name}`)];
  for (const [index, place] of places.entries()) {
    wish.signal.throwIfAborted();
    try {
      const copy = await openCopy(wish, place);
      const not = failures.length === 0 ? '' : `; not from a nearer one: ${failures.map(whyNot).join('; ')}`;
      emit({ kind: 'note', subject: host.name, text: `${copy.run} is read from ${copy.place.name}${not}` });
      const farther = places.slice(index + 1).map((each) => ({
        name: nameAtControl(host, each),
        open: async () => (await openCopy({ ...wish, run: copy.run }, each)).place,
      }));
      const { run, candidates } = only(copy);
      return { run, candidates: [...candidates, ...farther] };
    } catch (error) {
      failures.push(asCoffreError(error));
    }
  }
  throw new CoffreError('not-found', `cannot find a copy of ${host.name} that control can read for ${on.name}`, {
    hint: 'name one: --from PLACE, --from control:FOLDER, or the path of a folder on that host',
    findings: failures.map(whyNot),
  });
}

function whyNot({ message }: CoffreError): string {
  return message;
}

interface OpenedCopy {
  readonly run: RunId;
  readonly place: CopyPlace;
}

function only({ run, place }: OpenedCopy): RelayedCopy {
  return { run, candidates: [{ name: place.name, open: async () => place }] };
}

/** Opens a place and looks whether it has the run, with a manifest that the host has signed. */
async function openCopy(wish: CopyWish, from: string): Promise<OpenedCopy> {
  const { host, inventory, signal } = wish;
  const place = await openAtControl(wish.host, from, wish);
  try {
    const { run, reader } = await openRunAt(place, wish.run);
    await readManifest(reader, host.name, run, inventory.allowedSigners);
    signal.throwIfAborted();
    return { run, place };
  } catch (error) {
    place.close();
    throw error;
  }
}

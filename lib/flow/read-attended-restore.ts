import type { Readable } from 'node:stream';
import { AttendedRestore } from '../model/attended-restore.ts';
import { CoffreError } from '../model/error.ts';
import type { Emit } from '../model/event.ts';
import type { HostConfig, Inventory } from '../model/inventory.ts';
import { attendedOpening } from './attended-opening.ts';
import { attendSession } from './attended-session.ts';
import type { CopyPlace } from './find-copy.ts';
import type { Opening } from './opening.ts';
import { relayedPlace } from './relayed-place.ts';

/** A restore that control has ordered from this host: what stands for the inventory, the key and the person. */
export interface Attended {
  /** Of the host whose run it is, and of this host, if that is another. */
  readonly inventory: Inventory;
  /** Into whose server the run goes. */
  readonly target: HostConfig;
  readonly opening: Opening;
  /** Where the copy comes from when control reads it: the nearest first. */
  readonly places: readonly CopyPlace[] | undefined;
  /** Fires when control has gone. */
  readonly gone: AbortSignal;
}

/** Begins to listen to control. Throws `usage` for an order that is none, `interrupted` when it has gone already. */
export async function readAttendedRestore(input: Readable, emit: Emit): Promise<Attended> {
  const session = await attendSession(input, (id, question) =>
    emit({ kind: 'question', subject: 'control', id, question }),
  );
  const { source, target, relayed } = parse(session.order);
  return {
    inventory: {
      folder: 'that control has sent',
      hosts: new Map([source.host, target].reverse().map((host) => [host.name, host])),
      recipients: new Map(source.recipients.map((recipient) => [recipient.name, recipient])),
      drillers: new Map(),
      allowedSigners: source.allowedSigners,
    },
    target,
    opening: attendedOpening(session.ask),
    places: relayed.length === 0 ? undefined : relayed.map((name, place) => relayedPlace(name, place, session.ask)),
    gone: session.gone,
  };
}

function parse(order: string): AttendedRestore {
  const { data } = AttendedRestore.safeParse(jsonOf(order));
  if (data) return data;
  throw new CoffreError('usage', 'cannot read the order on standard input', { hint: 'leave out --attended' });
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

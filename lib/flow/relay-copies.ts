import { CoffreError } from '../model/error.ts';
import type { CopyPlace } from './find-copy.ts';
import { type Relay, relayCopy } from './relay-copy.ts';
import type { RelayedCandidate } from './relayed-copy.ts';

interface Opened {
  readonly place: CopyPlace;
  readonly relay: Relay;
}

/**
 * Control's half of several places: each is opened when the host asks for something of it, which it does in their order, and
 * only once it has turned down those before. What keeps control from a place is its answer then.
 */
export function relayCopies(candidates: readonly RelayedCandidate[]): Relay {
  const opened = new Map<number, Promise<Opened>>();
  const open = (index: number): Promise<Opened> => {
    const known = opened.get(index);
    if (known) return known;
    const candidate = candidates[index];
    if (!candidate) throw new CoffreError('refused', 'cannot read a place for the host: it is none of the order');
    const opening = candidate.open().then((place) => ({ place, relay: relayCopy(place) }));
    opening.catch(() => undefined); // whoever asks is told
    opened.set(index, opening);
    return opening;
  };
  // The nearest one is open already, and to be closed, whether it is asked for or not.
  if (candidates.length > 0) void open(0);
  return {
    answer: async (question) => await (await open(question.place)).relay.answer(question),
    async close() {
      for (const opening of opened.values()) {
        const each = await opening.catch(() => undefined);
        await each?.relay.close();
        each?.place.close();
      }
    },
  };
}

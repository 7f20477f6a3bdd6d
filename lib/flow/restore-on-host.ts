import type { KeyObject } from 'node:crypto';
import type { AgentQuestion } from '../model/agent-question.ts';
import { type AttendedRestore, RestoredThere } from '../model/attended-restore.ts';
import { CoffreError } from '../model/error.ts';
import { keyHolder } from './key-holder.ts';
import { relayCopies } from './relay-copies.ts';
import type { Relay } from './relay-copy.ts';
import { type CopyWish, findRelayedCopy, type RelayedCopy } from './relayed-copy.ts';
import type { ReleaseShelf } from './release-shelf.ts';
import { openRemoteHost } from './remote-host.ts';
import type { Errand } from './run-agent.ts';
import { sliceOf } from './slice-of.ts';

export interface RestoreElsewhere extends CopyWish {
  /** Stays here. Undefined where nothing is to be opened, and no copy is needed: to put an old database back. */
  readonly privateKey: KeyObject | undefined;
  /** All other options of the restore, as the command line of a restore on that host has them. */
  readonly words: readonly string[];
  readonly releases: ReleaseShelf;
}

/**
 * Has the agent of a host restore: of a run of its own, which it reads itself, or of a run of another host, which control
 * reads for it, still sealed. The host verifies all that comes, as it would by itself. It is given the passphrase of the one
 * run, over the pinned connection, once it has shown the signed manifest; the private key does not leave this machine.
 *
 * Throws what the agent tells, and why it could not be reached.
 */
export async function restoreOnHost(order: RestoreElsewhere): Promise<RestoredThere> {
  const { on, login, signal, emit, releases } = order;
  const copy = order.privateKey && (await findRelayedCopy(order));
  const relay = copy && relayCopies(copy.candidates);
  try {
    const remote = await openRemoteHost(on, login, signal);
    try {
      const release = await releases.releaseFor(remote.facts);
      return await remote.run(errandFor(order, copy, relay), release, emit);
    } finally {
      await remote.close();
    }
  } finally {
    await relay?.close();
  }
}

function errandFor(
  order: RestoreElsewhere,
  copy: RelayedCopy | undefined,
  relay: Relay | undefined,
): Errand<RestoredThere> {
  const { host, on, inventory, from, run, words } = order;
  const sent: AttendedRestore = {
    source: sliceOf(host, inventory),
    target: sliceOf(on, inventory).host,
    relayed: copy?.candidates.map(({ name }) => name) ?? [],
  };
  const place = copy ? [`--run=${copy.run}`] : [option('from', from), option('run', run)].flat();
  return {
    name: on.name,
    words: ['restore', '--attended', ...place, ...words, '--', host.name],
    order: sent,
    data: RestoredThere,
    answer: answerFor({ ...order, run: copy?.run ?? run }, relay),
    afterBreak: `look there at: SHOW DATABASES; what it was loading it drops again, and it ends; then order it again`,
  };
}

function option(name: string, value: string | undefined): string[] {
  return value === undefined ? [] : [`--${name}=${value}`];
}

function answerFor(order: RestoreElsewhere, relay: Relay | undefined) {
  const { host, on, inventory, privateKey, run, emit } = order;
  const { allowedSigners } = inventory;
  const passphraseFor =
    privateKey && keyHolder({ privateKey, host: host.name, run, allowedSigners, known: order.inventory });
  return async (question: AgentQuestion): Promise<Buffer> => {
    if (question.ask === 'passphrase') {
      if (!passphraseFor) {
        throw new CoffreError('refused', `cannot give ${on.name} a passphrase: nothing was ordered that needs one`);
      }
      const passphrase = await passphraseFor(question);
      const text = `${question.run} is signed by ${host.name}: its passphrase, and no other, is given to this host`;
      emit({ kind: 'note', subject: on.name, text });
      return Buffer.from(passphrase.reveal(), 'latin1');
    }
    if (relay) return await relay.answer(question);
    throw new CoffreError('refused', `cannot read a copy for ${on.name}: it was ordered to read its own`);
  };
}

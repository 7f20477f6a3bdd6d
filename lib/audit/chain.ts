import { join } from 'node:path';
import * as z from 'zod';
import { CoffreError } from '../model/error.ts';
import { Sha256 } from '../model/names.ts';
import { exclusively } from '../system/exclusive.ts';
import { readIfPresent, writeDurably } from '../system/files.ts';
import { putIntoOutbox, readOutbox, removeFromOutbox, sweepOutbox } from './outbox.ts';
import { factsOf, type SignedRecord } from './signed-record.ts';

const ChainHead = z.strictObject({ sequence: z.int().min(1), sha256: Sha256 });
/** The last record of a chain, published or not. */
export type ChainHead = z.infer<typeof ChainHead>;

/** The place of the next record: what its fields `sequence` and `previous` say. */
export interface Link {
  readonly sequence: number;
  readonly previous: Sha256 | null;
}

const LOCK_WAIT_MS = 60_000;

/**
 * Adds the next record to the chain whose state is in `stateFolder`: hands `make` its link, and puts what it returns into the outbox.
 * One at a time, so that two runs can never make the same link. A kill at any moment leaves the chain whole: the head
 * is the later one of `chain.json` and the outbox, and each is written durably.
 *
 * `recover` is asked for the head when the host has no record of its own: it looks into the audit repository
 * (`recoverHead`). It returns undefined when no chain is there, and throws when it cannot know.
 */
export async function appendToChain<Signed extends SignedRecord>(
  stateFolder: string,
  recover: () => Promise<ChainHead | undefined>,
  make: (link: Link) => Promise<Signed>,
): Promise<Signed> {
  return exclusively(stateFolder, 'chain', LOCK_WAIT_MS, async () => {
    const head = (await readHead(stateFolder)) ?? (await recover());
    const link: Link = { sequence: (head?.sequence ?? 0) + 1, previous: head?.sha256 ?? null };
    const signed = await make(link);
    const { sequence, previous, name } = factsOf(signed);
    if (sequence !== link.sequence || previous !== link.previous) {
      throw new CoffreError('unexpected', `cannot add the record of ${name} to the chain: it has another link`);
    }
    await putIntoOutbox(stateFolder, signed);
    await writeHead(stateFolder, { sequence: link.sequence, sha256: signed.sha256 });
    return signed;
  });
}

/** The head of the chain as this host knows it; undefined when it has no record at all. */
export async function readHead(stateFolder: string): Promise<ChainHead | undefined> {
  const recorded = await readRecord(stateFolder);
  const waiting = (await readOutbox(stateFolder)).at(-1);
  if (!waiting) return recorded;
  const { sequence } = factsOf(waiting);
  return recorded && recorded.sequence >= sequence ? recorded : { sequence, sha256: waiting.sha256 };
}

/** Takes published records out of the outbox, after the head is on record without them. */
export async function settle(stateFolder: string, published: readonly SignedRecord[]): Promise<void> {
  await exclusively(stateFolder, 'chain', LOCK_WAIT_MS, async () => {
    const head = await readHead(stateFolder);
    if (head) await writeHead(stateFolder, head);
    for (const signed of published) {
      const { sequence, name } = factsOf(signed);
      await removeFromOutbox(stateFolder, sequence, name);
    }
    await sweepOutbox(stateFolder);
  });
}

async function readRecord(stateFolder: string): Promise<ChainHead | undefined> {
  const path = join(stateFolder, 'chain.json');
  const text = await readIfPresent(path);
  if (text === undefined) return undefined;
  try {
    return ChainHead.parse(JSON.parse(text.toString('utf8')));
  } catch (error) {
    throw new CoffreError('verification-failed', `cannot read ${path}: it is damaged`, {
      hint: `remove it: the next run finds the head of the chain in the audit repository`,
      cause: error,
    });
  }
}

async function writeHead(stateFolder: string, head: ChainHead): Promise<void> {
  const recorded = await readRecord(stateFolder);
  if (recorded && recorded.sequence >= head.sequence) return;
  await writeDurably(join(stateFolder, 'chain.json'), `${JSON.stringify(head)}\n`, 0o600);
}

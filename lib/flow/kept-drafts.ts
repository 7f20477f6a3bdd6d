import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readHead } from '../audit/chain.ts';
import { readOutbox } from '../audit/outbox.ts';
import { errnoOf } from '../model/error.ts';
import type { HostConfig } from '../model/inventory.ts';
import { runIdAt } from '../model/run-id.ts';
import type { Clock } from '../system/clock.ts';
import { explained } from '../system/explained.ts';
import { makeFolder, readRequired, removeDurably, writeDurably } from '../system/files.ts';
import { concludeRecord, type RecordDraft } from './conclude-record.ts';

/*
 * What was to be put on record while nobody could know the head of the chain: it waits, unsigned, for the first run that knows.
 *
 *   <state>/unrecorded/2026-11-22T040000Z-provision.json
 */

const folderOf = (host: HostConfig) => join(host.state.path, 'unrecorded');

/** Keeps a draft for `concludeKept`, so that it survives a power cut. */
export async function keepDraft(host: HostConfig, draft: RecordDraft): Promise<void> {
  await makeFolder(folderOf(host), 0o700);
  const name = `${runIdAt(new Date(draft.startedAt))}-${draft.kind}.json`;
  await writeDurably(join(folderOf(host), name), JSON.stringify(draft), 0o600);
}

/**
 * Gives every kept draft its place in the chain, in the order in which they began, where this host knows the head. One that
 * is in the outbox already was concluded by a run that was killed: it is not made twice.
 */
export async function concludeKept(host: HostConfig, clock: Clock): Promise<void> {
  const names = await readdir(folderOf(host)).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return [];
    throw explained('list', folderOf(host), error);
  });
  const kept = names.filter((name) => name.endsWith('.json')).sort();
  if (kept.length === 0 || !(await readHead(host.state.path))) return;
  for (const name of kept) {
    const path = join(folderOf(host), name);
    const draft = JSON.parse((await readRequired(path)).toString('utf8')) as RecordDraft;
    const waiting = (await readOutbox(host.state.path)).flatMap((signed) =>
      'record' in signed ? [signed.record] : [],
    );
    const isMade = waiting.some(({ kind, startedAt }) => kind === draft.kind && startedAt === draft.startedAt);
    if (!isMade) await concludeRecord(host, draft, { clock });
    await removeDurably(path);
  }
}

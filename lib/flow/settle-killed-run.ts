import { parseManifest } from '../audit/canonical.ts';
import { appendToChain, readHead } from '../audit/chain.ts';
import { readOutbox } from '../audit/outbox.ts';
import { asCoffreError, CoffreError, ERRORS, type ErrorCode } from '../model/error.ts';
import type { HostConfig } from '../model/inventory.ts';
import type { SignedManifest } from '../model/manifest.ts';
import type { RunId } from '../model/run-id.ts';
import { openRunFolders } from '../storage/run-folders.ts';
import { assertFolderWritable } from '../storage/store-guard.ts';
import { exists, sha256Of } from '../system/files.ts';
import type { BackupContext } from './backup-context.ts';
import { lostRuns, settleClaim } from './claim-run.ts';
import { conclude } from './conclude.ts';
import { emptyDraft } from './draft.ts';
import { type Draft, type Journal, readJournal, removeJournal, signedJournal, writeJournal } from './journal.ts';
import { linkDayArchive } from './link-day-archive.ts';
import { owe } from './owed.ts';
import { assertFoldersThere, closeFolder, discardFolders, placesOf, writeClosing } from './run-folders.ts';
import { asOwed, withStandIn } from './run-store.ts';
import { EXPORT_FAILURES } from './seal-run.ts';

/**
 * Finishes or takes back what a run has left that was killed, or could not be recorded when it failed. Whose archives were all durable becomes a complete run now, and
 * its copies to the offsites are owed; any other is recorded as failed, and nothing of it stays. Where the archives are in
 * a store that is not to be had now (`storeLost`), the day archive in the export stands in for them, if there is one; else what lies
 * in the store is removed when it is there again. The journal of the run `own`, which is asking, is none of an earlier one.
 */
export async function settleKilledRun(
  host: HostConfig,
  { clock, emit }: BackupContext,
  storeLost?: CoffreError,
  own?: RunId,
): Promise<void> {
  const left = await readJournal(host.state.path);
  if (left && left.run !== own) {
    const journal = storeLost ? await withoutStore(host, left, storeLost) : left;
    const { state, why } = await settle(journal.standIn ? withStandIn(host) : host, journal, clock);
    emit({ kind: 'warning', subject: host.name, ...describeEnd({ ...journal, state }, why) });
    await settleClaim(host.state.path, journal.run);
    await removeJournal(host.state.path);
  }
  for (const run of await lostRuns(host.state.path)) {
    if (run === own) continue;
    if (await recordLost(host, emptyDraft(host, run), 'preflight', 'interrupted', clock)) {
      emit({ kind: 'warning', subject: host.name, ...describeEnd({ run, state: 'working' }) });
    }
    await settleClaim(host.state.path, run);
  }
  const stores = storeLost ? [withStandIn(host).store] : [host.store, withStandIn(host).store];
  for (const { path } of [...stores, host.keys]) await clear(path);
  // A run can do without its export, and says so itself.
  await clear(host.export.path).catch((error: unknown) => {
    const { message, hint } = asCoffreError(error);
    emit({ kind: 'warning', subject: host.name, text: message, hint: hint ?? `look at: ls -la ${host.export.path}` });
  });
}

/** The journal of a run as it can be settled without the store in which it is. Throws `storeLost` where it cannot. */
async function withoutStore(host: HostConfig, journal: Journal, storeLost: CoffreError): Promise<Journal> {
  const { standIn, state, draft, run } = journal;
  if (standIn || state === 'working') return { ...journal, standIn: true };
  try {
    if (!placesOf(draft).includes('export')) throw storeLost;
    await linkDayArchive(host, run);
  } catch {
    // What has its place in the chain waits for its archives.
    if (state === 'signed') throw storeLost;
    return { ...journal, standIn: true, state: 'working' };
  }
  return { ...journal, standIn: true, draft: { ...draft, copies: draft.copies.map(asOwed) } };
}

/** What came of it. What is sealed and not there any more cannot be finished; what is signed is on record as it is. */
async function settle(
  host: HostConfig,
  journal: Journal,
  clock: BackupContext['clock'],
): Promise<{ readonly state: Journal['state']; readonly why?: string }> {
  const { state } = journal;
  if (state !== 'working') {
    try {
      const lacking = await finishRun(host, await asItStands(host, journal), clock);
      return lacking ? { state, why: lacking.message } : { state };
    } catch (error) {
      const { code, message } = asCoffreError(error);
      if (code !== FOLDER_GONE) throw error;
      if (state === 'signed') return { state, why: message };
    }
  }
  await giveUp(host, journal, clock);
  return { state: 'working' };
}

/** The journal of a run, without the export where that is not there any more or takes nothing: the store is enough. */
async function asItStands(host: HostConfig, journal: Journal): Promise<Journal> {
  const { run, draft, state, standIn } = journal;
  if (state === 'signed' || standIn || !placesOf(draft).includes('export')) return journal;
  try {
    await assertFoldersThere(host, run, ['export']);
    await assertFolderWritable(host.export.path);
    return journal;
  } catch (error) {
    if (!EXPORT_FAILURES.includes(asCoffreError(error).code)) throw error;
  }
  await assertFoldersThere(host, run, ['store', 'keys']);
  const missing = { state: 'missing' as const, verified: null };
  const copies = draft.copies.map((copy) => (copy.kind === 'export' ? { ...copy, ...missing } : copy));
  return { ...journal, draft: { ...draft, dayArchive: null, copies } };
}

/** What is known of how the run of a journal has ended. Not every one was killed: of some nothing could be written any more. */
function describeEnd(
  { run, state, unrecorded, owesExport }: Pick<Journal, 'run' | 'state' | 'unrecorded' | 'owesExport'>,
  gone?: string,
): { readonly text: string; readonly hint: string } {
  if (gone !== undefined) {
    return {
      text: `the run ${run} is on record, and what was to be finished of it cannot be: ${gone}`,
      hint: `see what there is of it: npx zx tasks/verify.ts --run ${run}`,
    };
  }
  if (owesExport) {
    return {
      text: `the run ${run} has its name in the export now as well`,
      hint: `look at what was wrong with it: dmesg | tail`,
    };
  }
  const now = state === 'working' ? 'it is recorded as failed now, and what it left is removed' : 'it is finished now';
  if (unrecorded) {
    const what = `the run ${run} has failed (${ERRORS[unrecorded.code].summary}) and could not be recorded`;
    return {
      text: `${what}: ${unrecorded.why}; ${now}`,
      hint: 'look at what it said then: journalctl --since yesterday',
    };
  }
  return {
    text: `the run ${run} did not come to its record, as when it is killed; ${now}`,
    hint: 'look at what ended it: journalctl --since yesterday; dmesg | tail',
  };
}

/** The code of a folder that is not where it was written to. */
const FOLDER_GONE: ErrorCode = 'write-failed';

async function clear(path: string): Promise<void> {
  if (!(await exists(path))) return;
  const folders = openRunFolders(path);
  for (const run of await folders.listPartials()) await folders.removePartial(run);
}

async function giveUp(
  host: HostConfig,
  { run, draft, phase, unrecorded }: Journal,
  clock: BackupContext['clock'],
): Promise<void> {
  await discardFolders(host, run);
  await recordLost(host, draft, phase, unrecorded?.code ?? 'interrupted', clock);
}

/** Puts a run on record as failed, unless a record of it waits already: then it was killed right behind that. */
async function recordLost(
  host: HostConfig,
  draft: Draft,
  phase: Journal['phase'],
  code: ErrorCode,
  clock: BackupContext['clock'],
): Promise<boolean> {
  const waiting = await readOutbox(host.state.path);
  if (waiting.some((signed) => 'manifest' in signed && signed.manifest.run === draft.run)) return false;
  const nothing = { archives: [], names: undefined, dayArchive: null, instructions: null, copies: [], snapshot: null };
  await conclude(host, { ...draft, ...nothing, outcome: 'failed', error: { code, phase } }, clock);
  return true;
}

/**
 * Makes a run whose archives are all durable a complete one, whose copies to the offsites are owed. Can be repeated. Returns what
 * keeps it from its place in the export: the run is complete without.
 */
export async function finishRun(
  host: HostConfig,
  journal: Journal,
  clock: BackupContext['clock'],
): Promise<CoffreError | undefined> {
  const { draft, run } = journal;
  if (journal.state === 'sealed') await assertFoldersThere(host, run, placesOf(draft));
  const owed = host.offsite.map(({ name }) => name);
  const signed =
    journal.state === 'signed'
      ? await relink(host, journal)
      : await conclude(
          host,
          {
            ...draft,
            copies: [
              ...draft.copies.filter(({ kind }) => kind !== 'offsite'),
              ...owed.map((offsite) => ({ kind: 'offsite' as const, offsite, state: 'owed' as const, verified: null })),
            ],
            error: { code: 'interrupted', phase: journal.phase },
          },
          clock,
          (signed) => writeJournal(host.state.path, signedJournal(journal, signed)),
        );
  let lacking: CoffreError | undefined;
  for (const place of placesOf(signed.manifest)) {
    try {
      await writeClosing(host, signed, place);
      await closeFolder(host, run, place);
    } catch (error) {
      if (place !== 'export') throw error;
      lacking = asCoffreError(error);
    }
  }
  if (!journal.owesExport) for (const offsite of owed) await owe(host, { run, offsite });
  return lacking;
}

/** A manifest that was signed, and may or may not have reached the outbox. */
async function relink(host: HostConfig, { signed, run }: Journal): Promise<SignedManifest> {
  if (!signed) throw new CoffreError('unexpected', `cannot finish the run ${run}: its journal has no manifest`);
  const bytes = Buffer.from(signed.bytes, 'base64');
  const whole = {
    manifest: parseManifest(bytes),
    bytes,
    signature: Buffer.from(signed.signature, 'base64'),
    sha256: sha256Of(bytes),
  };
  const head = await readHead(host.state.path);
  if (head && head.sequence >= whole.manifest.sequence) return whole;
  return await appendToChain(
    host.state.path,
    async () => undefined,
    async () => whole,
  );
}

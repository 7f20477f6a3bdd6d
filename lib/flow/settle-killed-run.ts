import { parseManifest } from '../audit/canonical.ts';
import { appendToChain, readHead } from '../audit/chain.ts';
import { asCoffreError, CoffreError } from '../model/error.ts';
import type { HostConfig } from '../model/inventory.ts';
import type { SignedManifest } from '../model/manifest.ts';
import { openRunFolders } from '../storage/run-folders.ts';
import { exists, sha256Of } from '../system/files.ts';
import type { BackupContext } from './backup-context.ts';
import { conclude } from './conclude.ts';
import { type Journal, readJournal, removeJournal, signedJournal, writeJournal } from './journal.ts';
import { owe } from './owed.ts';
import { closeFolders, discardFolders, writeClosing } from './run-folders.ts';

/**
 * Finishes or takes back what a killed run has left. Whose archives were all durable becomes a complete run now, and
 * its copies to the offsites are owed; any other is recorded as failed, and nothing of it stays.
 */
export async function settleKilledRun(host: HostConfig, { clock, emit }: BackupContext): Promise<void> {
  const journal = await readJournal(host.state.path);
  if (journal) {
    const kept = journal.state !== 'working';
    const text = `the run ${journal.run} was killed; it is ${kept ? 'finished now' : 'recorded as failed, and what it left is removed'}`;
    emit({
      kind: 'warning',
      subject: host.name,
      text,
      hint: 'look at what ended it: journalctl --since yesterday; dmesg | tail',
    });
    if (journal.state === 'working') await giveUp(host, journal, clock);
    else await finishRun(host, journal, clock);
    await removeJournal(host.state.path);
  }
  for (const { path } of [host.store, host.keys]) await clear(path);
  // A run can do without its export, and says so itself.
  await clear(host.export.path).catch((error: unknown) => {
    const { message, hint } = asCoffreError(error);
    emit({ kind: 'warning', subject: host.name, text: message, hint: hint ?? `look at: ls -la ${host.export.path}` });
  });
}

async function clear(path: string): Promise<void> {
  if (!(await exists(path))) return;
  const folders = openRunFolders(path);
  for (const run of await folders.listPartials()) await folders.removePartial(run);
}

async function giveUp(host: HostConfig, { run, draft, phase }: Journal, clock: BackupContext['clock']): Promise<void> {
  await discardFolders(host, run);
  const nothing = { archives: [], dayArchive: null, instructions: null, copies: [], snapshot: null };
  await conclude(host, { ...draft, ...nothing, outcome: 'failed', error: { code: 'interrupted', phase } }, clock);
}

/** Makes a run whose archives are all durable a complete one, whose copies to the offsites are owed. Can be repeated. */
export async function finishRun(host: HostConfig, journal: Journal, clock: BackupContext['clock']): Promise<void> {
  const { draft } = journal;
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
  await writeClosing(host, signed);
  await closeFolders(host, signed);
  for (const offsite of owed) await owe(host, { run: journal.run, offsite });
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

import { asCoffreError, type CoffreError } from '../model/error.ts';
import { publicText } from '../system/known-secrets.ts';
import { conclude, publish } from './conclude.ts';
import { discardFolders } from './run-folders.ts';
import type { RunRecord } from './run-record.ts';
import { finishRun } from './settle-killed-run.ts';

type Step = () => Promise<unknown>;

/**
 * Puts a failed run on record, takes away what it left, and returns the error that the caller throws. A run that has
 * its place in the chain is left as it is: the next one finishes it. So is the journal of an earlier, killed run.
 */
export async function endFailedRun(record: RunRecord, error: unknown): Promise<CoffreError> {
  const { signal } = record.context;
  const failure = signal.aborted ? asCoffreError(signal.reason) : asCoffreError(error);
  if (record.chained) return failure;
  const kept = signal.aborted && record.journaled === 'sealed';
  if (kept) await inSteps(record, keep(record), 'was interrupted', failure);
  else await inSteps(record, giveUp(record, failure), 'has failed', failure);
  return failure;
}

/** Whoever interrupts the shipping does not want to lose what is safe in the store already. */
function keep(record: RunRecord): readonly Step[] {
  const { host, run } = record;
  const { clock, emit } = record.context;
  const text = `${run} was safe in the store when it was interrupted: it is kept, and the next run ships it`;
  return [
    async () => {
      await finishRun(host, record.journalAs('sealed'), clock);
      await record.removeJournal();
      emit({ kind: 'warning', subject: host.name, text, hint: 'ship it now: npx zx tasks/backup.ts' });
    },
  ];
}

function giveUp(record: RunRecord, failure: CoffreError): readonly Step[] {
  return [
    async () => {
      // Or a kill from here on would have the next run finish this one.
      if (record.journaled !== undefined) await record.writeJournal(record.journalAs('working'));
    },
    async () => {
      // Before that nothing was written; another host, in whose store this one must not be, may have a run of this name there.
      if (record.journaled !== undefined) await discardFolders(record.host, record.run);
    },
    () => recordFailure(record, failure),
  ];
}

/** Each step is tried whatever became of the one before, and what goes wrong is told: the same only once. */
async function inSteps(
  { host, context }: RunRecord,
  steps: readonly Step[],
  end: string,
  failure: CoffreError,
): Promise<void> {
  for (const step of steps) {
    await step().catch((second: unknown) => {
      const { message, hint = 'the next run does it' } = asCoffreError(second);
      const same = message === failure.message;
      const text = `this run ${end}, and ${same ? 'for the same reason is not on record' : `then: ${message}`}`;
      context.emit({ kind: 'warning', subject: host.name, text, hint });
    });
  }
}

async function recordFailure(record: RunRecord, { code }: CoffreError): Promise<void> {
  const { host, draft, phase } = record;
  const { clock, signal } = record.context;
  const nothing = { archives: [], names: undefined, dayArchive: null, instructions: null, copies: [], snapshot: null };
  try {
    await conclude(host, { ...draft, ...nothing, outcome: 'failed', error: { code, phase } }, clock);
  } catch (error) {
    const why = publicText(asCoffreError(error).message);
    // The next run records it, and is not to take it for a killed one. Where not even this can be written, it says so.
    const journal = { ...record.journalAs('working'), unrecorded: { code, why } };
    if (record.journaled !== undefined) await record.writeJournal(journal).catch(() => undefined);
    throw error;
  }
  if (record.journaled !== undefined) await record.removeJournal();
  if (!signal.aborted) await publish(host, clock);
}

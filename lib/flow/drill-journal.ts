import { join } from 'node:path';
import type { DrillPhase, DrillRecord } from '../model/drill-record.ts';
import type { DrillerConfig } from '../model/driller-config.ts';
import type { HostName } from '../model/names.ts';
import { readIfPresent, removeDurably, writeDurably } from '../system/files.ts';

/** What is known of a drill before it is signed: everything but its place in the chain and its end. */
export type DrillDraft = Omit<DrillRecord, 'sequence' | 'previous' | 'finishedAt'>;

/** The drill that is under way, so that the next one can put it on record should this one be killed. */
export interface DrillJournal {
  readonly phase: DrillPhase;
  readonly draft: DrillDraft;
}

/** Where a driller keeps the chain of one host: its head, its outbox and its journal. */
export function drillState({ state }: Pick<DrillerConfig, 'state'>, host: HostName): string {
  return join(state.path, 'drills', host);
}

const pathOf = (folder: string) => join(folder, 'journal.json');

export async function readDrillJournal(folder: string): Promise<DrillJournal | undefined> {
  const content = await readIfPresent(pathOf(folder));
  return content && (JSON.parse(content.toString('utf8')) as DrillJournal);
}

export async function writeDrillJournal(folder: string, journal: DrillJournal): Promise<void> {
  await writeDurably(pathOf(folder), JSON.stringify(journal), 0o600);
}

export async function removeDrillJournal(folder: string): Promise<void> {
  await removeDurably(pathOf(folder));
}

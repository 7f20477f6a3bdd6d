import { join } from 'node:path';
import * as z from 'zod';
import { MOST_UNTOLD, Untold } from '../model/untold-record.ts';
import { exclusively } from '../system/exclusive.ts';
import { readIfPresent, removeDurably, writeDurably } from '../system/files.ts';

const List = z.array(Untold);
const WAIT_MS = 10_000;

const pathOf = (stateFolder: string) => join(stateFolder, 'untold.json');

/** Keeps what could not be told for the next record. Of very much the newest stays. */
export async function keepUntold(stateFolder: string, untold: readonly Untold[]): Promise<void> {
  if (untold.length === 0) return;
  await exclusively(stateFolder, 'untold', WAIT_MS, async () => {
    const all = [...(await read(stateFolder)), ...untold].slice(-MOST_UNTOLD);
    await writeDurably(pathOf(stateFolder), `${JSON.stringify(all)}\n`, 0o600);
  });
}

/**
 * Hands `act` the field with what could not be told, and forgets that once `act` has put it on record. A kill in between has the
 * next record say it again.
 */
export async function withUntold<T>(
  stateFolder: string,
  act: (field: { readonly untold?: Untold[] }) => Promise<T>,
): Promise<T> {
  const told = await read(stateFolder);
  const done = await act(told.length === 0 ? {} : { untold: told });
  if (told.length > 0) await strike(stateFolder, told).catch(() => undefined); // then it is said twice
  return done;
}

async function strike(stateFolder: string, told: readonly Untold[]): Promise<void> {
  const isTold = (each: Untold) => told.some((other) => JSON.stringify(other) === JSON.stringify(each));
  await exclusively(stateFolder, 'untold', WAIT_MS, async () => {
    const left = (await read(stateFolder)).filter((each) => !isTold(each));
    if (left.length === 0) await removeDurably(pathOf(stateFolder));
    else await writeDurably(pathOf(stateFolder), `${JSON.stringify(left)}\n`, 0o600);
  });
}

/** What cannot be read says nothing: no run is kept from its record by it. */
async function read(stateFolder: string): Promise<Untold[]> {
  const text = await readIfPresent(pathOf(stateFolder)).catch(() => undefined);
  try {
    return List.parse(JSON.parse(text?.toString('utf8') ?? '[]'));
  } catch {
    return [];
  }
}

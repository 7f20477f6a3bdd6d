import * as z from 'zod';

const FORM = /^(\d{4}-\d{2}-\d{2})T(\d{2})(\d{2})(\d{2})Z$/;

/** A run, named by its UTC start to the second: `2026-11-22T040000Z`. Sorts as time does. */
export const RunId = z
  .string()
  .regex(FORM, 'a run is named like 2026-11-22T040000Z')
  .refine((text) => !Number.isNaN(Date.parse(text.replace(FORM, '$1T$2:$3:$4Z'))), 'not a date and time')
  .brand<'RunId'>();
export type RunId = z.infer<typeof RunId>;

/** The name of a run that starts at `at`. */
export function runIdAt(at: Date): RunId {
  return `${at.toISOString().slice(0, 19).replaceAll(':', '')}Z` as RunId;
}

/** The start of a run. */
export function startOfRun(run: RunId): Date {
  return new Date(run.replace(FORM, '$1T$2:$3:$4Z'));
}

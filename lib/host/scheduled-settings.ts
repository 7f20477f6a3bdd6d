import { readIfPresent } from '../system/files.ts';
import { parseCronTable } from './cron-table.ts';

/** The settings folder that the nightly task of a cron file names; undefined where there is none. */
export async function scheduledSettings(cronFile: string): Promise<string | undefined> {
  const text = await readIfPresent(cronFile).catch(() => undefined); // whoever writes the file tells what is wrong with it
  const [entry] = parseCronTable(text?.toString('utf8') ?? '').entries;
  const word = / --inventory ((?:'[^']*'|\\.|[^\s'\\])+)$/.exec(entry?.command ?? '')?.[1];
  return word?.replace(/'([^']*)'|\\(.)/g, '$1$2');
}

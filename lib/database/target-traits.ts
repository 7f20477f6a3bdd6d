import * as z from 'zod';
import type { FoundAside } from './aside.ts';
import { readAsidesAtRest } from './aside-mark.ts';
import { type Ask, query } from './client.ts';
import type { Connection } from './connection.ts';

/** How a server that is loaded into may differ from the one that was backed up, and what lies there of earlier restores. */
export interface TargetTraits {
  /** `10.11.19-MariaDB-0+deb12u1`. */
  readonly version: string;
  /** Whether it takes names that differ by case alone for the same. */
  readonly foldsNames: boolean;
  readonly runsEvents: boolean;
  readonly hasTimeZones: boolean;
  /** Storage engines that it has, in lower case. */
  readonly engines: ReadonlySet<string>;
  /** Where its data is, as a path on its own machine. */
  readonly dataFolder: string;
  readonly asides: readonly FoundAside[];
}

const Settings = z.object({ version: z.string(), caseMode: z.int(), events: z.string(), dataFolder: z.string() });
const SETTINGS = `SELECT JSON_OBJECT('version', VERSION(), 'caseMode', @@GLOBAL.lower_case_table_names,
  'events', @@GLOBAL.event_scheduler, 'dataFolder', @@GLOBAL.datadir)`;

const Engine = z.object({ engine: z.string() });
const ENGINES = `SELECT JSON_OBJECT('engine', LOWER(ENGINE)) FROM information_schema.ENGINES WHERE SUPPORT IN ('YES', 'DEFAULT')`;

/** Asked for by a conversion, because not every account may read the tables themselves. */
const Zones = z.object({ known: z.int() });
const ZONES = `SELECT JSON_OBJECT('known', IF(CONVERT_TZ('2026-01-01 00:00:00', 'UTC', 'Europe/Paris') IS NULL, 0, 1))`;

export async function readTargetTraits(connection: Connection): Promise<TargetTraits> {
  const ask: Ask = (sql, row) => query(connection, sql, row);
  const [settings] = await ask(SETTINGS, Settings);
  const [zones] = await ask(ZONES, Zones);
  return {
    version: settings?.version ?? '',
    foldsNames: (settings?.caseMode ?? 0) !== 0,
    runsEvents: settings?.events === 'ON',
    hasTimeZones: zones?.known === 1,
    engines: new Set((await ask(ENGINES, Engine)).map(({ engine }) => engine)),
    dataFolder: settings?.dataFolder ?? '',
    asides: await readAsidesAtRest(ask),
  };
}

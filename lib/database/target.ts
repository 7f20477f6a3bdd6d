import * as z from 'zod';
import { asCoffreError } from '../model/error.ts';
import { execute, query } from './client.ts';
import type { Connection } from './connection.ts';
import { readDatabaseNames } from './database-names.ts';

/** What a restore has to know of the server that it loads into. */
export interface TargetFacts {
  readonly databases: ReadonlySet<string>;
  /** The largest statement that the server takes. */
  readonly maxAllowedPacketBytes: number;
  /** Whether the server takes functions and triggers: as it is, once this account has told it to, or not from this account. */
  readonly storedCode: 'taken' | 'on-demand' | 'refused';
  /** Whether the server's binary log takes the numbers of sequences: as it is, once a session asks for it, or not from this account. */
  readonly sequences: 'taken' | 'on-demand' | 'refused';
}

const Settings = z.object({ packetBytes: z.int(), refusesCode: z.int(), logsStatements: z.int() });

/** With the binary log on, a server takes a function only from a trusted creator, or when its words say that it is harmless. */
const SETTINGS = `SELECT JSON_OBJECT('packetBytes', @@GLOBAL.max_allowed_packet,
  'refusesCode', IF(@@GLOBAL.log_bin AND NOT @@GLOBAL.log_bin_trust_function_creators, 1, 0),
  'logsStatements', IF(@@GLOBAL.log_bin AND @@GLOBAL.binlog_format = 'STATEMENT', 1, 0))`;

export async function inspectTarget(connection: Connection): Promise<TargetFacts> {
  const [settings] = await query(connection, SETTINGS, Settings);
  return {
    databases: new Set(await readDatabaseNames(connection)),
    maxAllowedPacketBytes: settings?.packetBytes ?? 0,
    storedCode: settings?.refusesCode ? await onDemand(() => trustCreators(connection, false)) : 'taken',
    sequences: settings?.logsStatements
      ? await onDemand(() => execute({ ...connection, mixedLog: true }, 'DO 0'))
      : 'taken',
  };
}

/** Lets the server take functions and triggers from everybody who may make them, or no longer. Throws by the table. */
export async function trustCreators(connection: Connection, trusted: boolean): Promise<void> {
  await execute(connection, `SET GLOBAL log_bin_trust_function_creators = ${trusted ? 1 : 0}`);
}

/** `attempt` changes nothing, and asks for the same privilege. */
async function onDemand(attempt: () => Promise<void>): Promise<'on-demand' | 'refused'> {
  try {
    await attempt();
    return 'on-demand';
  } catch (error) {
    if (asCoffreError(error).code === 'account-lacks-privilege') return 'refused';
    throw error;
  }
}

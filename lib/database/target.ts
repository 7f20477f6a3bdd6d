import * as z from 'zod';
import { asCoffreError } from '../model/error.ts';
import { type Ask, execute, query } from './client.ts';
import type { Connection } from './connection.ts';
import { isTrustMark, readTrustMarks } from './creator-trust.ts';
import { readDatabaseNames } from './database-names.ts';

/** What a restore has to know of the server that it loads into. */
export interface TargetFacts {
  readonly databases: ReadonlySet<string>;
  /** The largest statement that the server takes. */
  readonly maxAllowedPacketBytes: number;
  /** Whether the server takes functions and triggers: as it is, once this account has told it to, or not from this account. */
  readonly storedCode: 'taken' | 'on-demand' | 'refused';
  /** Whether it takes them only because a restore that was cut short has told it to. */
  readonly leftTrusting: boolean;
  /** Whether the server's binary log takes the numbers of sequences: as it is, once a session asks for it, or not from this account. */
  readonly sequences: 'taken' | 'on-demand' | 'refused';
}

const Settings = z.object({ packetBytes: z.int(), logsCode: z.int(), trusts: z.int(), logsStatements: z.int() });

/** With the binary log on, a server takes a function only from a trusted creator, or when its words say that it is harmless. */
const SETTINGS = `SELECT JSON_OBJECT('packetBytes', @@GLOBAL.max_allowed_packet,
  'logsCode', IF(@@GLOBAL.log_bin, 1, 0), 'trusts', IF(@@GLOBAL.log_bin_trust_function_creators, 1, 0),
  'logsStatements', IF(@@GLOBAL.log_bin AND @@GLOBAL.binlog_format = 'STATEMENT', 1, 0))`;

export async function inspectTarget(connection: Connection): Promise<TargetFacts> {
  const ask: Ask = (sql, row) => query(connection, sql, row);
  const [settings] = await ask(SETTINGS, Settings);
  const marks = await readTrustMarks(ask);
  // What a restore has set is no setting of the server's: it goes again.
  const refusesCode = settings?.logsCode === 1 && (settings.trusts === 0 || marks.length > 0);
  return {
    databases: new Set((await readDatabaseNames(connection)).filter((name) => !isTrustMark(name))),
    maxAllowedPacketBytes: settings?.packetBytes ?? 0,
    storedCode: refusesCode ? await onDemand(() => execute({ ...connection, unlogged: true }, SAME_TRUST)) : 'taken',
    leftTrusting: marks.some(({ atWork }) => !atWork),
    sequences: settings?.logsStatements
      ? await onDemand(() => execute({ ...connection, mixedLog: true }, 'DO 0'))
      : 'taken',
  };
}

/** Another restore may be at work. */
const SAME_TRUST = 'SET GLOBAL log_bin_trust_function_creators = @@GLOBAL.log_bin_trust_function_creators';

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

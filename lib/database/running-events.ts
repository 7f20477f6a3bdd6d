import * as z from 'zod';
import { query } from './client.ts';
import type { Connection } from './connection.ts';

/** An event that a server carries out by itself now. */
export interface RunningEvent {
  readonly database: string;
  /** The SQL that it does. */
  readonly body: string;
}

const Scheduler = z.object({ on: z.int() });
const Row = z.object({ database: z.string(), body: z.string() });

/** undefined while the scheduler is off: then nothing changes by itself. */
export async function readRunningEvents(connection: Connection): Promise<readonly RunningEvent[] | undefined> {
  const [scheduler] = await query(
    connection,
    "SELECT JSON_OBJECT('on', IF(@@GLOBAL.event_scheduler = 'ON', 1, 0))",
    Scheduler,
  );
  if (!scheduler?.on) return undefined;
  return await query(
    connection,
    `SELECT JSON_OBJECT('database', EVENT_SCHEMA, 'body', EVENT_DEFINITION) FROM information_schema.EVENTS
     WHERE STATUS = 'ENABLED'`,
    Row,
  );
}

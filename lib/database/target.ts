import { z } from 'zod';
import { query } from './client.ts';
import type { Connection } from './connection.ts';

/** What a restore has to know of the server that it loads into. */
export interface TargetFacts {
  readonly databases: ReadonlySet<string>;
  /** The largest statement that the server takes. */
  readonly maxAllowedPacketBytes: number;
}

const Name = z.object({ name: z.string() });
const Packet = z.object({ bytes: z.int() });

export async function inspectTarget(connection: Connection): Promise<TargetFacts> {
  const names = await query(
    connection,
    "SELECT JSON_OBJECT('name', SCHEMA_NAME) FROM information_schema.SCHEMATA",
    Name,
  );
  const [packet] = await query(connection, "SELECT JSON_OBJECT('bytes', @@GLOBAL.max_allowed_packet)", Packet);
  return { databases: new Set(names.map(({ name }) => name)), maxAllowedPacketBytes: packet?.bytes ?? 0 };
}

import { execute } from '../../lib/database/client.ts';
import type { Connection } from '../../lib/database/connection.ts';
import { Session } from '../../lib/database/session.ts';
import { sleep } from '../../lib/system/clock.ts';

/** One writer that changes one row again and again, and knows how long each change took until it was committed. */
export interface WriterProbe {
  /** The longest of the changes that were under way at any time between two moments of `performance.now()`. */
  longestBetween(fromMs: number, toMs: number): number;
  /** Throws when the writer has failed meanwhile. */
  stop(): Promise<void>;
}

const EVERY_MS = 5;

/** In a database of its own. Each change is a transaction. */
export async function startWriterProbe(connection: Connection): Promise<WriterProbe> {
  await execute(
    connection,
    'CREATE DATABASE probe; CREATE TABLE probe.tick (id INT PRIMARY KEY, n INT); INSERT INTO probe.tick VALUES (1, 0)',
  );
  const session = await Session.open(connection);
  const changes: { readonly fromMs: number; readonly toMs: number }[] = [];
  let stopped = false;
  const writing = (async () => {
    while (!stopped) {
      const fromMs = performance.now();
      await session.execute('UPDATE probe.tick SET n = n + 1 WHERE id = 1');
      changes.push({ fromMs, toMs: performance.now() });
      await sleep(EVERY_MS);
    }
  })();
  writing.catch(() => undefined);
  return {
    longestBetween(fromMs, toMs) {
      const within = changes.filter((change) => change.toMs >= fromMs && change.fromMs <= toMs);
      return within.reduce((longest, change) => Math.max(longest, change.toMs - change.fromMs), 0);
    },
    async stop() {
      stopped = true;
      try {
        await writing;
      } finally {
        await session.close();
      }
    },
  };
}

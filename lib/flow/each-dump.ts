import type { GroupEnds } from '../archive/final-views.ts';
import { splitDatabases } from '../archive/split-databases.ts';
import type { Dump, Dumper } from '../database/dump.ts';
import { CoffreError } from '../model/error.ts';
import type { DumpStream } from '../model/stages.ts';

/** Databases of one group that may still be on their way to the disk while the next one is dumped. */
const BEHIND = 2;

/**
 * Hands each dump of one program to `act`, one after another. Returns when all of them are done and the program has
 * ended well; throws what `act` or the dump throws, and `dump-failed` when the program has dumped other databases.
 */
export async function eachDump(
  { dumps, stream }: Dumper,
  ends: Promise<GroupEnds>,
  act: (dump: Dump, stream: DumpStream) => Promise<unknown>,
): Promise<void> {
  const [only, ...others] = dumps;
  if (only && others.length === 0) {
    await act(only, stream);
    return;
  }
  const acting: Promise<unknown>[] = [];
  const left = new Map(dumps.map((dump) => [dump.database as string, dump]));
  for await (const { database, stream: own, read } of splitDatabases(stream, await ends)) {
    const dump = left.get(database);
    if (!dump) throw new CoffreError('dump-failed', `cannot accept the dump: it holds ${database} unasked`);
    left.delete(database);
    const done = act(dump, own);
    done.catch(() => undefined);
    acting.push(done);
    await Promise.race([read, done]);
    // Who is done without having read all of it has failed, or is to be waited for.
    if (acting.length > BEHIND) await acting.shift();
  }
  await Promise.all(acting);
  const [missing] = left.keys();
  if (missing !== undefined) throw new CoffreError('dump-failed', `cannot accept the dump: it lacks ${missing}`);
}

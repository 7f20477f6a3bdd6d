import { asStage, type Bytes, type DumpStream } from '../model/stages.ts';
import type { GroupEnds } from './final-views.ts';
import { readGroupParts } from './group-parts.ts';

/** One database of a group's dump, as a dump of its own. */
export interface DatabaseDump {
  readonly database: string;
  readonly stream: DumpStream;
  /** Settles when `stream` has been read to its end. The next database MUST NOT be asked for before. */
  readonly read: Promise<void>;
}

/** The comment at the top names the first database of the group. */
const ABOUT_FIRST = /^(-- Host: [^\n]*?) {4}Database: [\s\S]*?(?=\n-- -{20,}\n)/m;

/**
 * The dump of a group of databases as one dump a database, one after another, while it streams by. Each has the head of
 * the group's dump, its own tables, routines and events, its own views and a trailer, and so is what the dump program
 * writes of this database alone, but for two comments: the name at the top, and the GTID, which only the last one has.
 *
 * The streams throw what `group` throws. Only the end of the last one tells that the group's dump was complete.
 */
export async function* splitDatabases(group: Bytes, ends: GroupEnds): AsyncGenerator<DatabaseDump, void, undefined> {
  const chunks = readGroupParts(group);
  const parts: Buffer[] = [];
  let next = await chunks.next();
  for (; !next.done && next.value.part.kind === 'head'; next = await chunks.next()) {
    parts.push(Buffer.from(next.value.bytes));
  }
  const head = Buffer.from(Buffer.concat(parts).toString('latin1').replace(ABOUT_FIRST, '$1'), 'latin1');
  try {
    while (!next.done && next.value.part.kind === 'tables') {
      const { part } = next.value;
      const database = part.database ?? '';
      const read = settled();
      const dump = async function* (): Bytes {
        yield head;
        for (; !next.done && next.value.part === part; next = await chunks.next()) yield next.value.bytes;
        const views = ends.views.get(database);
        if (views) yield views;
        if (!next.done && next.value.part.kind === 'tables') yield ends.trailer;
        else {
          for (; !next.done; next = await chunks.next()) {
            if (next.value.part.kind === 'trailer') yield next.value.bytes;
          }
        }
        read.settle();
      };
      yield { database, stream: asStage<DumpStream>(dump()), read: read.promise };
      if (!read.isSettled()) throw new Error(`the dump of ${database} has not been read to its end`);
    }
  } finally {
    await chunks.return();
  }
}

function settled() {
  let resolved: () => void = () => undefined;
  let done = false;
  const promise = new Promise<void>((resolve) => {
    resolved = resolve;
  });
  const settle = () => {
    done = true;
    resolved();
  };
  return { promise, settle, isSettled: () => done };
}

import type { Bytes } from '../model/stages.ts';
import { type PartChunk, readGroupParts } from './group-parts.ts';

/** What is added to each database of a group, so that its dump is as if it had been made alone. */
export interface GroupEnds {
  /** The views of a database, as the dump program writes them after all tables; absent for a database that has none. */
  readonly views: ReadonlyMap<string, Buffer>;
  /** The end of every dump of this program. */
  readonly trailer: Buffer;
}

/**
 * Reads dumps of several databases for their views and their last lines, all of which is held in memory: some two
 * kilobytes a view. Nothing else is kept.
 */
export async function readFinalViews(dumps: readonly Bytes[]): Promise<GroupEnds> {
  const views = new Map<string, Buffer[]>();
  let trailer: Buffer[] = [];
  for (const dump of dumps) {
    trailer = [];
    for await (const { part, bytes } of readGroupParts(dump)) {
      if (part.kind === 'trailer') trailer.push(Buffer.from(bytes));
      if (part.kind === 'views') keep(views, part.database ?? '', bytes);
    }
  }
  const whole = [...views].map(([database, parts]) => [database, Buffer.concat(parts)] as const);
  return {
    views: new Map(whole.filter(([, text]) => text.includes(FINAL_VIEW))),
    trailer: Buffer.concat(trailer),
  };
}

/** The dump program comes back to every database of a group as soon as one of them has views. */
const FINAL_VIEW = '\n--\n-- Final view structure for view ';

function keep(views: Map<string, Buffer[]>, database: string, bytes: PartChunk['bytes']): void {
  const parts = views.get(database) ?? [];
  parts.push(Buffer.from(bytes));
  views.set(database, parts);
}

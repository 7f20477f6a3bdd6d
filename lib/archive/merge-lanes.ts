import { CoffreError } from '../model/error.ts';
import type { LanedTable } from '../model/lanes.ts';
import type { Bytes } from '../model/stages.ts';
import type { Block } from './block-builder.ts';
import { backMarker, laneMarker } from './lane-markers.ts';
import { LaneSource } from './lane-source.ts';
import { changed, MainSource } from './main-source.ts';
import { ReadyQueue } from './ready-queue.ts';
import type { Section } from './sections.ts';
import { afterStructure } from './table-structure.ts';

/**
 * The dump of a database and the rows of its laned tables as one dump, which the client loads and a DumpReader splits into
 * the same sections again. First what comes before the tables, and the structures of the laned tables; then blocks of
 * all dumps in the order in which they get ready, with a comment at each switch; last, when no lane is left, the
 * triggers of the laned tables. Nobody waits for more than the blocks of the others that are ready, and of each dump no
 * more is held than one block: inside an INSERT there is no switch.
 *
 * Throws what any of the dumps throws, and `dump-failed` when one lacks its end, or when they do not fit together.
 */
export async function* mergeLanes(dump: Bytes, tables: readonly LanedTable[]): Bytes {
  assertLanes(tables);
  const main = new MainSource(
    dump,
    tables.map(({ table }) => table),
  );
  const lanes = tables.flatMap(({ table, lanes }) =>
    lanes.map((lane, index) => new LaneSource(lane, table, index + 1)),
  );
  const lanesOf = (table: string) => lanes.filter((lane) => lane.table === table);
  let endLanes: { readonly resolve: () => void; readonly reject: (error: unknown) => void } | undefined;
  const lanesEnded = new Promise<void>((resolve, reject) => {
    endLanes = { resolve, reject };
  });
  lanesEnded.catch(() => undefined);
  try {
    const reading = Promise.all(lanes.map((lane) => lane.head()));
    reading.catch(() => undefined);
    for await (const block of main.beforeTables()) yield block.bytes;
    const heads = await reading;
    const { settings } = main;
    if (heads.some((head) => head.settings.some((each) => !settings.includes(each)))) throw otherSettings();
    const structures = new Map<string, string>();
    lanes.forEach(({ table }, index) => {
      const structure = heads[index]?.structure ?? '';
      const first = structures.get(table) ?? structure;
      if (afterStructure(structure, first) !== '') throw changed(table);
      structures.set(table, first);
    });
    for (const structure of structures.values()) yield Buffer.from(`${structure}\n`, 'latin1');

    const queue = new ReadyQueue<Block>();
    const rows = new Map(lanes.map((lane) => [lane.rows(), lane]));
    for (const source of [...rows.keys(), main.tables(structures, lanesEnded)]) queue.ask(source);
    let left = rows.size;
    let at: Section | LaneSource | undefined;
    for (let open = left + 1; open > 0; ) {
      const { source, item } = await queue.take();
      const lane = rows.get(source);
      if (item.done) {
        open -= 1;
        if (lane) left -= 1;
        if (left === 0) endLanes?.resolve();
        continue;
      }
      if (lane && at !== lane) yield laneMarker(lane.table, lane.lane, lanesOf(lane.table).length);
      if (!lane && at !== item.value.section && !item.value.opens) yield backMarker(item.value.section.name ?? '');
      let block = item.value;
      for (yield block.bytes; !block.whole; yield block.bytes) {
        const more = await source.next();
        if (more.done) throw new CoffreError('dump-failed', 'cannot archive the dump: it ends inside a statement');
        block = more.value;
      }
      at = lane ?? block.last;
      queue.ask(source);
    }
  } finally {
    endLanes?.reject(new CoffreError('interrupted', 'cannot merge the lanes any more'));
    for (const source of [main, ...lanes]) source.close();
  }
}

function assertLanes(tables: readonly LanedTable[]): void {
  const isSound = new Set(tables.map(({ table }) => table)).size === tables.length;
  if (!isSound || tables.some(({ lanes }) => lanes.length === 0)) {
    throw new CoffreError('unexpected', 'cannot archive the dump: a table has no lanes, or is named twice');
  }
}

function otherSettings(): CoffreError {
  return new CoffreError(
    'dump-failed',
    'cannot archive the dump: its lanes were written under other settings than it',
    {
      hint: 'use one and the same mariadb-dump for all, and run the backup again',
    },
  );
}

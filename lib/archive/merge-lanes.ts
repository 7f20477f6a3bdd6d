import { CoffreError } from '../model/error.ts';
import type { Lane, LanedTables, LaneRows } from '../model/lanes.ts';
import type { Bytes } from '../model/stages.ts';
import type { Block } from './block-builder.ts';
import { backMarker, laneMarker } from './lane-markers.ts';
import { type LaneBlock, LaneSource } from './lane-source.ts';
import { changed, MainSource } from './main-source.ts';
import { ReadyQueue } from './ready-queue.ts';
import type { Section } from './sections.ts';
import { StructureSource } from './structure-source.ts';

/**
 * The dump of a database and the rows of its laned tables as one dump, which the client loads and a DumpReader splits into
 * the same sections again. First what comes before the tables, and the structures of the laned tables; then blocks of
 * all dumps in the order in which they get ready, with a comment at each switch; last, when no lane is left, the
 * triggers of the laned tables. Nobody waits for more than the blocks of the others that are ready, and of each dump no
 * more is held than one block: inside an INSERT there is no switch.
 *
 * Throws what any of the dumps throws, and `dump-failed` when one lacks its end, or when they do not fit together.
 */
export async function* mergeLanes(dump: Bytes, laned: LanedTables): Bytes {
  const tables = tablesOf(laned.lanes);
  const main = new MainSource(dump, tables);
  const definitions = new StructureSource(laned.structures);
  const lanes = laned.lanes.map((lane) => new LaneSource(lane));
  let endLanes: { readonly resolve: () => void; readonly reject: (error: unknown) => void } | undefined;
  const lanesEnded = new Promise<void>((resolve, reject) => {
    endLanes = { resolve, reject };
  });
  lanesEnded.catch(() => undefined);
  try {
    const reading = Promise.all([definitions.read(), ...lanes.map((lane) => lane.settings())] as const);
    reading.catch(() => undefined);
    for await (const block of main.beforeTables()) yield block.bytes;
    const [found, ...settings] = await reading;
    if (settings.flat().some((each) => !main.settings.includes(each))) throw otherSettings();
    const structures = new Map<string, string>();
    for (const table of tables) {
      const structure = found.get(table);
      if (structure === undefined) throw changed(table);
      structures.set(table, structure);
      yield Buffer.from(`${structure}\n`, 'latin1');
    }

    const queue = new ReadyQueue<Block | LaneBlock>();
    for (const source of [...lanes.map((lane) => lane.blocks(structures)), main.tables(structures, lanesEnded)]) {
      queue.ask(source);
    }
    let lanesLeft = lanes.length;
    let at: Section | LaneRows | undefined;
    for (let open = lanes.length + 1; open > 0; ) {
      const { source, item } = await queue.take();
      if (item.done) {
        open -= 1;
        // The dump of the database ends only after the last lane: until then each end is that of a lane.
        lanesLeft -= 1;
        if (lanesLeft === 0) endLanes?.resolve();
        continue;
      }
      let block = item.value;
      const rows = 'rows' in block ? block.rows : undefined;
      if (rows && at !== rows) yield laneMarker(rows.table, rows.part, rows.parts);
      if (!rows && at !== block.section && !block.opens) yield backMarker(block.section.name ?? '');
      for (yield block.bytes; !block.whole; yield block.bytes) {
        const more = await source.next();
        if (more.done) throw new CoffreError('dump-failed', 'cannot archive the dump: it ends inside a statement');
        block = more.value;
      }
      at = rows ?? block.last;
      queue.ask(source);
    }
  } finally {
    endLanes?.reject(new CoffreError('interrupted', 'cannot merge the lanes any more'));
    for (const source of [main, definitions, ...lanes]) source.close();
  }
}

/** The laned tables, each once, in order. */
function tablesOf(lanes: readonly Lane[]): readonly string[] {
  const parts = new Map<string, Set<number>>();
  for (const { table, part, parts: of } of lanes.flatMap(({ rows }) => rows)) {
    const known = parts.get(table) ?? new Set(Array.from({ length: of }, (_, index) => index + 1));
    if (!known.delete(part))
      throw new CoffreError('unexpected', `cannot archive the table ${table}: a part is there twice`);
    parts.set(table, known);
  }
  const isSound = lanes.every(({ rows }) => rows.length > 0) && [...parts.values()].every(({ size }) => size === 0);
  if (!isSound) throw new CoffreError('unexpected', 'cannot archive the dump: parts of its tables are missing');
  return [...parts.keys()];
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

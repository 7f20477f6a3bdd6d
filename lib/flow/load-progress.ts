import type { Piece } from '../archive/piece.ts';
import type { Archive } from '../model/archive-record.ts';
import type { Emit } from '../model/event.ts';

const EVERY_BYTES = 4 * 1024 * 1024;
/** Before that nothing is known of how fast it goes. */
const SETTLED_MS = 2000;

/** How far all loads together are. */
export class LoadProgress {
  readonly #emit: Emit;
  readonly #subject: string;
  readonly #totalBytes: number;
  readonly #totalTables: number;
  readonly #from = performance.now();
  #doneBytes = 0;
  #toldBytes = 0;
  #doneTables = 0;

  constructor(archives: readonly Archive[], subject: string, emit: Emit) {
    this.#emit = emit;
    this.#subject = subject;
    this.#totalBytes = archives.reduce((sum, { plainBytes }) => sum + plainBytes, 0);
    this.#totalTables = archives.reduce((sum, { tables }) => sum + tables, 0);
  }

  /** `pieces`, counted. A table counts when what comes after it begins. */
  async *watch(pieces: AsyncIterable<Piece>): AsyncGenerator<Piece, void, undefined> {
    let table = 0;
    for await (const piece of pieces) {
      yield piece;
      if (piece.opens) {
        this.#doneTables += table;
        table = piece.section.kind === 'table' ? 1 : 0;
      }
      this.#doneBytes += piece.bytes.length;
      if (this.#doneBytes - this.#toldBytes >= EVERY_BYTES) this.#tell(false);
    }
    this.#doneTables += table;
    if (this.#toldBytes > 0 && this.#doneBytes >= this.#totalBytes) this.#tell(true);
  }

  #tell(over: boolean): void {
    this.#toldBytes = this.#doneBytes;
    const tookMs = performance.now() - this.#from;
    const leftMs = tookMs < SETTLED_MS ? null : (tookMs / this.#doneBytes) * (this.#totalBytes - this.#doneBytes);
    this.#emit({
      ...{ kind: 'progress', phase: 'load', subject: this.#subject },
      ...{ doneBytes: this.#doneBytes, totalBytes: this.#totalBytes },
      tables: { done: this.#doneTables, total: this.#totalTables },
      ...(over ? { over } : {}),
      ...(leftMs === null ? {} : { leftMs: Math.max(0, Math.round(leftMs)) }),
    });
  }
}

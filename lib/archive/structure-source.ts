import { CoffreError } from '../model/error.ts';
import type { Bytes } from '../model/stages.ts';
import { PieceSource } from './piece-source.ts';

/** The dump of the structures of tables, without anything else. */
export class StructureSource {
  readonly #pieces: PieceSource;

  constructor(dump: Bytes) {
    this.#pieces = new PieceSource(dump, 'the structures of tables in lanes');
  }

  /**
   * The structures by table, as latin1 with one newline at the end of each. All is held in memory: some kilobytes a table.
   * Throws what the dump throws, and `dump-failed` when it holds anything else.
   */
  async read(): Promise<ReadonlyMap<string, string>> {
    const texts = new Map<string, Buffer[]>();
    for (let piece = await this.#pieces.next(); piece; piece = await this.#pieces.next()) {
      const { kind, name } = piece.section;
      if (kind === 'preamble' || kind === 'trailer') continue;
      if (kind !== 'table' || name === null || piece.data) throw odd();
      const text = texts.get(name) ?? [];
      text.push(Buffer.from(piece.bytes));
      texts.set(name, text);
    }
    return new Map([...texts].map(([name, text]) => [name, `${Buffer.concat(text).toString('latin1').trimEnd()}\n`]));
  }

  close(): void {
    this.#pieces.close();
  }
}

function odd(): CoffreError {
  return new CoffreError(
    'dump-failed',
    'cannot archive the structures of tables in lanes: the dump holds more than that',
    {
      hint: 'let no schema change run during the backup, and run it again',
    },
  );
}

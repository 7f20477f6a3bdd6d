import { SectionLines } from '../archive/section-lines.ts';
import { describeSection, type Section } from '../archive/sections.ts';
import type { Connection } from '../database/connection.ts';
import { LoadClient } from '../database/load-client.ts';
import { quoteIdentifier } from '../database/sql-text.ts';

const PREAMBLE: Section = { kind: 'preamble', name: null };

/** One connection of the load of one archive. What is written to it is carried out in order. */
export class LoadLane {
  readonly #client: LoadClient;
  readonly #lines: SectionLines;

  /** Under the settings of the dump, in the database that it makes: `preamble`. */
  static async open(target: Connection, subject: string, preamble: Buffer): Promise<LoadLane> {
    const lines = new SectionLines();
    const client = await LoadClient.open(target, subject, (line) => {
      const section = lines.sectionAt(line);
      return section && describeSection(section, quoteIdentifier);
    });
    const lane = new LoadLane(client, lines);
    await lane.write(PREAMBLE, preamble);
    return lane;
  }

  private constructor(client: LoadClient, lines: SectionLines) {
    this.#client = client;
    this.#lines = lines;
  }

  get isBusy(): boolean {
    return this.#client.isBusy;
  }

  async free(): Promise<void> {
    await this.#client.free();
  }

  /** Takes a copy of bytes of a section. */
  async write(section: Section, bytes: Buffer): Promise<void> {
    this.#lines.add({ section, opens: false, bytes });
    await this.#client.write(bytes);
  }

  /** To be called where a statement of `section` may stand: what it returns settles once all before has been carried out. */
  async ask(section: Section): Promise<() => Promise<void>> {
    const { sql, answered } = this.#client.ask();
    await this.write(section, sql);
    return answered;
  }

  async close(): Promise<void> {
    await this.#client.close();
  }

  async stop(): Promise<void> {
    await this.#client.stop();
  }
}

import type { Archive } from '../model/archive-record.ts';
import type { Manifest } from '../model/manifest.ts';
import type { Bytes } from '../model/stages.ts';
import { ITERATIONS } from '../seal/cipher.ts';
import { openPart } from '../seal/open-part.ts';
import { openStream } from '../seal/open-stream.ts';
import type { Passphrase } from '../seal/passphrase.ts';
import type { RunReader } from '../storage/run-reader.ts';
import { archivesIn, type DayArchiveRun, dayArchiveRuns, shareRuns } from './day-archive-parts.ts';
import type { LoadPlan } from './load-plan.ts';
import { readSealed, readSegments } from './read-sealed.ts';

/** An archive as a plain `.tar.gz` or `.tar.zst` stream. */
export interface OpenedFile {
  readonly archive: Archive;
  readonly content: Bytes;
}

export type OpenedSequence = AsyncGenerator<OpenedFile, void, undefined>;

/**
 * The archives of a plan, the accounts last, as up to `readers` sequences that can be read side by side; of each sequence
 * an archive MUST be read before the next is asked for. Every archive is in one of them, unless the copy lacks it.
 */
export function openArchives(
  plan: LoadPlan,
  manifest: Manifest,
  reader: RunReader,
  passphrase: Passphrase,
  readers: number,
): readonly OpenedSequence[] {
  const iterations = manifest.encryption?.iterations ?? ITERATIONS;
  const { archives } = plan;
  if (plan.form !== 'store' && manifest.dayArchive) {
    const day = new OpenedDayArchive(manifest, manifest.dayArchive, reader, passphrase, iterations);
    return shareRuns(manifest, archives, readers).map((group) => day.sequence(group));
  }
  // The longest first, so that none is left over at the end: what they refer to in each other is made last.
  const left = archives.toSorted((a, b) => rank(b) - rank(a));
  async function* next(): OpenedSequence {
    for (let archive = left.shift(); archive; archive = left.shift()) {
      yield { archive, content: openStream(await readSealed(reader, archive), passphrase, { iterations }) };
    }
  }
  return Array.from({ length: Math.max(1, Math.min(readers, left.length)) }, next);
}

function rank({ database, plainBytes }: Archive): number {
  return database === null ? -1 : plainBytes;
}

const HEAD_BYTES = 16;

class OpenedDayArchive {
  readonly #manifest: Manifest;
  readonly #file: NonNullable<Manifest['dayArchive']>;
  readonly #reader: RunReader;
  readonly #passphrase: Passphrase;
  readonly #iterations: number;
  #head: Promise<Buffer> | undefined;

  constructor(
    manifest: Manifest,
    file: NonNullable<Manifest['dayArchive']>,
    reader: RunReader,
    passphrase: Passphrase,
    iterations: number,
  ) {
    this.#manifest = manifest;
    this.#file = file;
    this.#reader = reader;
    this.#passphrase = passphrase;
    this.#iterations = iterations;
  }

  /**
   * Reads only what holds these archives. Where something else stands there than was reckoned, the day archive is read from its
   * beginning.
   */
  async *sequence(wanted: readonly Archive[]): OpenedSequence {
    const left = new Set(wanted);
    for (const run of dayArchiveRuns(this.#manifest, wanted) ?? []) {
      for await (const opened of archivesIn(await this.#part(run), run.archives, run.names)) {
        left.delete(opened.archive);
        yield opened;
      }
    }
    if (left.size === 0) return;
    const whole = await readSealed(this.#reader, this.#file);
    const iterations = this.#iterations;
    yield* archivesIn(openStream(whole, this.#passphrase, { iterations }), [...left]);
  }

  async #part({ part }: DayArchiveRun): Promise<Bytes> {
    this.#head ??= this.#firstBytes();
    const head = await this.#head;
    const source = await readSegments(this.#reader, this.#file, part.firstSegment, part.segments);
    const { segmentBytes } = this.#file.segments;
    return openPart(head, source, part, segmentBytes, this.#passphrase, { iterations: this.#iterations });
  }

  async #firstBytes(): Promise<Buffer> {
    for await (const chunk of await readSegments(this.#reader, this.#file, 0, 1)) {
      return Buffer.from(chunk.subarray(0, HEAD_BYTES));
    }
    return Buffer.alloc(0);
  }
}

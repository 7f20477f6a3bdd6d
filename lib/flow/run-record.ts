import type { CoffreError } from '../model/error.ts';
import type { HostConfig } from '../model/inventory.ts';
import type { Phase } from '../model/manifest.ts';
import type { RunId } from '../model/run-id.ts';
import type { BackupContext } from './backup-context.ts';
import { emptyDraft } from './draft.ts';
import { type Draft, type Journal, removeJournal, writeJournal } from './journal.ts';

/** Something that is not where it should be yet: an offsite by name, `export`, or `publication`. */
export interface Owed {
  readonly what: string;
  readonly error: CoffreError;
}

/** What is known of a run while it is under way, and what of that the next run can read should this one be killed. */
export class RunRecord {
  /** With what stands in for its store, where that is so. */
  host: HostConfig;
  standIn = false;
  readonly run: RunId;
  readonly context: BackupContext;
  readonly owed: Owed[] = [];
  draft: Draft;
  /** Whether the manifest has its place in the chain. From then on the run cannot fail any more, only be late. */
  chained = false;
  #phase: Phase = 'preflight';
  #journaled: Journal['state'] | undefined;

  constructor(host: HostConfig, run: RunId, context: BackupContext) {
    this.host = host;
    this.run = run;
    this.context = context;
    this.draft = emptyDraft(host, run);
  }

  get phase(): Phase {
    return this.#phase;
  }

  /** What the journal says of this run; undefined while it may still speak of an earlier one. */
  get journaled(): Journal['state'] | undefined {
    return this.#journaled;
  }

  /** The journal of this run as it would be written now. */
  journalAs(state: 'working' | 'sealed'): Journal {
    const standIn = this.standIn ? { standIn: true } : {};
    return { run: this.run, state, phase: this.#phase, draft: this.draft, ...standIn };
  }

  async writeJournal(journal: Journal): Promise<void> {
    await writeJournal(this.host.state.path, journal);
    this.#journaled = journal.state;
  }

  async removeJournal(): Promise<void> {
    await removeJournal(this.host.state.path);
  }

  /** Tells what is owed, and puts it on record: of each place what it was broken by first. */
  owe(what: string, error: CoffreError, phase: Phase): void {
    if (this.owed.some((each) => each.what === what)) return;
    this.owed.push({ what, error });
    const hint = error.hint ?? 'the next run tries again';
    this.context.emit({ kind: 'warning', subject: this.host.name, text: `owed: ${what}: ${error.message}`, hint });
    if (phase !== 'publish') this.draft = { ...this.draft, error: { code: error.code, phase } };
  }

  /** Puts an attempt at the dumps on record that has come to nothing, and tells that another one begins. */
  async giveUpAttempt({ code, message, hint }: CoffreError, durationMs: number): Promise<void> {
    const givenUp = [...(this.draft.givenUp ?? []), { code, durationMs }];
    this.draft = { ...this.draft, givenUp };
    await this.writeJournal(this.journalAs('working'));
    const text = `all dumps begin again, with another snapshot: ${message}`;
    this.context.emit({
      kind: 'warning',
      subject: this.host.name,
      text,
      hint: hint ?? 'look at what changes the schema',
    });
  }

  /** Does a phase: tells of it, measures it, and has the journal say where the run is. */
  async during<T>(phase: Phase, act: () => Promise<T>): Promise<T> {
    const { emit, signal } = this.context;
    this.#phase = phase;
    signal.throwIfAborted();
    if (this.#journaled === 'working' || this.#journaled === 'sealed') {
      await this.writeJournal(this.journalAs(this.#journaled));
    }
    emit({ kind: 'phase-started', phase, subject: this.host.name });
    const from = performance.now();
    const result = await act();
    const durationMs = Math.round(performance.now() - from);
    this.draft = { ...this.draft, phases: [...this.draft.phases, { name: phase, durationMs }] };
    emit({ kind: 'phase-ended', phase, subject: this.host.name, durationMs });
    return result;
  }
}

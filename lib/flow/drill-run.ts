import type { DrillPhase, DrillProof, DrillRecord } from '../model/drill-record.ts';
import type { DrillerConfig } from '../model/driller-config.ts';
import type { CoffreError } from '../model/error.ts';
import type { Emit } from '../model/event.ts';
import type { HostConfig } from '../model/inventory.ts';
import { type OffsiteName, OffsiteName as OffsiteNameSchema } from '../model/names.ts';
import { RECORD_VERSION } from '../model/record-parts.ts';
import { type RunId, startOfRun } from '../model/run-id.ts';
import { COFFRE_VERSION } from '../model/version.ts';
import { type DrillDraft, drillState, writeDrillJournal } from './drill-journal.ts';

/** What is known of a drill while it is under way; each thing that is learnt is written down at once. */
export class DrillRun {
  readonly host: HostConfig;
  draft: DrillDraft;
  readonly #folder: string;
  readonly #emit: Emit;
  #phase: DrillPhase = 'find';

  constructor(driller: DrillerConfig, host: HostConfig, drill: RunId, from: string, emit: Emit) {
    this.host = host;
    this.#folder = drillState(driller, host.name);
    this.#emit = emit;
    this.draft = {
      version: RECORD_VERSION,
      kind: 'drill',
      driller: driller.name,
      host: host.name,
      drill,
      outcome: 'failed',
      startedAt: startOfRun(drill).toISOString(),
      source: sourceOf(from),
      run: null,
      manifest: null,
      software: { coffre: COFFRE_VERSION, node: process.versions.node, server: null },
      phases: [],
      proof: null,
      error: { code: 'interrupted', phase: 'find' },
    };
  }

  /** Does the work of a phase, tells it and measures it, also when it fails. */
  async during<T>(phase: DrillPhase, act: () => Promise<T>): Promise<T> {
    this.#phase = phase;
    await this.note({ error: { code: 'interrupted', phase } });
    const subject = this.host.name;
    this.#emit({ kind: 'phase-started', phase, subject });
    const from = performance.now();
    try {
      return await act();
    } finally {
      const durationMs = Math.round(performance.now() - from);
      this.draft = { ...this.draft, phases: [...this.draft.phases, { name: phase, durationMs }] };
      this.#emit({ kind: 'phase-ended', phase, subject, durationMs });
    }
  }

  async note(facts: Partial<DrillDraft>): Promise<void> {
    this.draft = { ...this.draft, ...facts };
    await writeDrillJournal(this.#folder, { phase: this.#phase, draft: this.draft });
  }

  succeed(proof: DrillProof): void {
    this.draft = { ...this.draft, outcome: 'succeeded', proof, error: null };
  }

  fail({ code }: CoffreError): void {
    this.draft = { ...this.draft, outcome: 'failed', proof: null, error: { code, phase: this.#phase } };
  }
}

function sourceOf(from: string): DrillRecord['source'] {
  const [kind, name] = from.split(':', 2);
  if (kind === 'store' || kind === 'export') return { kind, offsite: null };
  return { kind: 'offsite', offsite: OffsiteNameSchema.parse(name) satisfies OffsiteName };
}

import type { AccountOrder } from './account-order.ts';
import type { AgentQuestion } from './agent-question.ts';
import type { Phase } from './manifest.ts';
import type { Change, HostPlan } from './plan.ts';

/**
 * What a flow tells while it works. The task layer turns these into progress on a terminal, plain lines in cron,
 * or JSON with `--json`. No field ever holds a secret.
 */
export type FlowEvent =
  /** A run, or a drill, has its name. */
  | { readonly kind: 'run-started'; readonly subject: string; readonly run: string }
  | { readonly kind: 'phase-started'; readonly phase: Phase | string; readonly subject: string }
  | {
      readonly kind: 'phase-ended';
      readonly phase: Phase | string;
      readonly subject: string;
      readonly durationMs: number;
    }
  | {
      readonly kind: 'progress';
      readonly phase: Phase | string;
      readonly subject: string;
      readonly doneBytes: number;
      /** null while nobody can know. */
      readonly totalBytes: number | null;
      readonly tables?: { readonly done: number; readonly total: number };
      /** An estimate, by the rate so far. */
      readonly leftMs?: number;
      /** Nothing more is to come of it. */
      readonly over?: boolean;
    }
  /** What is going to be done to a host, told before any of it is. */
  | { readonly kind: 'plan'; readonly subject: string; readonly plan: HostPlan }
  /** The same for what is no host. */
  | { readonly kind: 'changes'; readonly subject: string; readonly changes: readonly Change[] }
  /** From the agent of a replica, for the agent of its primary. Control carries it, and tells nobody. */
  | { readonly kind: 'account-order'; readonly subject: string; readonly order: AccountOrder }
  /** From an agent, for control, which answers on its standard input and tells nobody. */
  | { readonly kind: 'question'; readonly subject: string; readonly id: number; readonly question: AgentQuestion }
  | { readonly kind: 'note'; readonly subject: string; readonly text: string }
  | { readonly kind: 'warning'; readonly subject: string; readonly text: string; readonly hint: string };

export type Emit = (event: FlowEvent) => void;

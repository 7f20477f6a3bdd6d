import type { Emit } from '../lib/model/event.ts';
import type { LoggedMachine } from './night-log.ts';

/** Options as they were given, by their names. */
export type Values = Readonly<Record<string, string | boolean | readonly (string | boolean)[] | undefined>>;

/** What a task's run gets: its options, the words beside them, and the ways to speak and to be stopped. */
export interface TaskContext {
  readonly values: Values;
  readonly words: readonly string[];
  readonly emit: Emit;
  readonly signal: AbortSignal;
  /** Whose task it is: for one that tells the system log of itself. */
  logTo(machine: LoggedMachine): void;
}

export interface TaskResult {
  /** For a person. */
  readonly text: string;
  /** For `--json`. */
  readonly data: unknown;
  /** 0 if absent. */
  readonly exitCode?: number;
}

export interface Task {
  readonly verb: string;
  /** What stands behind the verb on the usage line. Where these are options alone, no other word is taken. */
  readonly usage: string;
  /** What it does, in a few lines. */
  readonly summary: string;
  /** Option → its description; `=` in front of the description's first word marks one that takes a value. */
  readonly options: Readonly<Record<string, string>>;
  readonly examples: readonly string[];
  /** The process ends with its result, whatever still hangs: a disk or a server that does not answer would keep it. */
  readonly endsAtOnce?: true;
  /** Where no terminal watches, it tells the system log of itself. */
  readonly logs?: true;
  run(context: TaskContext): Promise<TaskResult>;
}

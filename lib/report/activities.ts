import type { FlowEvent } from '../model/event.ts';
import { formatBytes, formatDuration } from './format.ts';
import { onOneLine } from './table.ts';

type Progress = Extract<FlowEvent, { kind: 'progress' }>;
type Named = Pick<Progress, 'phase' | 'subject'>;

interface Activity extends Named {
  readonly beganAt: number;
  /** Whether somebody has said that it begins, and will say that it ends. */
  readonly announced: boolean;
  readonly told: Progress | undefined;
  /** When how much was done, the oldest first, as far back as the rate goes. */
  readonly marks: readonly { readonly at: number; readonly doneBytes: number }[];
}

/** A rate is that of this time, so that it follows a link that gets slow, and does not jump with every block. */
const RATE_OVER_MS = 10_000;
/** Before that a rate says nothing. */
const SETTLED_MS = 2000;

/** What goes on at the moment, in the order of its beginning. Times are milliseconds of a clock that never goes back. */
export class Activities {
  readonly #under = new Map<string, Activity>();

  begin(named: Named, at: number): void {
    this.#under.set(keyOf(named), { ...named, beganAt: at, announced: true, told: undefined, marks: [] });
  }

  progress(event: Progress, at: number): void {
    const key = keyOf(event);
    const { phase, subject } = event;
    const known = this.#under.get(key) ?? { phase, subject, beganAt: at, announced: false, marks: [] };
    if (event.over && !known.announced) {
      this.#under.delete(key);
      return;
    }
    const since = known.marks.findLastIndex((mark) => at - mark.at >= RATE_OVER_MS);
    const marks = [...known.marks.slice(Math.max(0, since)), { at, doneBytes: event.doneBytes }];
    this.#under.set(key, { ...known, told: event, marks });
  }

  /** Takes what nobody else would end with it: the parts of a phase. */
  end(named: Named): void {
    const key = keyOf(named);
    const announced = this.#under.get(key)?.announced === true;
    this.#under.delete(key);
    if (!announced) return;
    for (const [part, activity] of this.#under) {
      if (activity.phase === named.phase && !activity.announced) this.#under.delete(part);
    }
  }

  /** A line each. */
  lines(at: number): readonly string[] {
    return [...this.#under.values()].map((activity) => lineOf(activity, at));
  }
}

function keyOf({ phase, subject }: Named): string {
  return JSON.stringify([phase, subject]);
}

function lineOf({ phase, subject, beganAt, told, marks }: Activity, at: number): string {
  const name = `${onOneLine(phase).padEnd(12)} ${onOneLine(subject)}`;
  if (!told) return `${name}  ${formatDuration(Math.floor((at - beganAt) / 1000) * 1000)}`;
  const { doneBytes, tables, leftMs } = told;
  // What was expected is at times an estimate of the server, and no longer worth telling once there is more.
  const totalBytes = told.totalBytes !== null && told.totalBytes >= doneBytes ? told.totalBytes : null;
  const rate = rateOf(marks, at);
  const left = leftMs ?? (totalBytes !== null && rate ? ((totalBytes - doneBytes) / rate) * 1000 : undefined);
  return [
    `${name}  ${formatBytes(doneBytes)}${totalBytes === null ? '' : ` of ${formatBytes(totalBytes)}`}`,
    ...(tables ? [`${tables.done} of ${tables.total} tables`] : []),
    ...(rate === undefined ? [] : [`${formatBytes(Math.round(rate))}/s`]),
    ...(left === undefined ? [] : [`about ${formatDuration(Math.max(1000, Math.round(left / 1000) * 1000))} left`]),
  ].join(', ');
}

/** Bytes a second; undefined while nobody can know, 0 where nothing has come for long. */
function rateOf(marks: Activity['marks'], at: number): number | undefined {
  const [first] = marks;
  const last = marks.at(-1);
  if (!first || !last || at - first.at < SETTLED_MS) return undefined;
  return ((last.doneBytes - first.doneBytes) / (at - first.at)) * 1000;
}

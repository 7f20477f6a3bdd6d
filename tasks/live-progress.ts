import { createLogUpdate } from 'log-update';
import sliceAnsi from 'slice-ansi';
import type { FlowEvent } from '../lib/model/event.ts';
import { Activities } from '../lib/report/activities.ts';
import { publicText } from '../lib/system/known-secrets.ts';
import { toStderr } from './outlet.ts';

/** The lines of a terminal's end that tell what goes on, written over until it is done. */
export interface LiveProgress {
  event(event: Extract<FlowEvent, { kind: 'phase-started' | 'phase-ended' | 'progress' }>): void;
  /** Says something that stays, above them. */
  above(say: () => void): void;
  /** Takes them away, for good or until the next event. */
  clear(): void;
}

const DRAW_MS = 100;
const TICK_MS = 1000;

/** Nothing at all without a terminal: cron's mail and the log of a CI are read afterwards. */
export function liveProgress(stream: NodeJS.WriteStream): LiveProgress {
  return stream.isTTY ? new Live(stream) : { event: () => undefined, above: (say) => say(), clear: () => undefined };
}

class Live implements LiveProgress {
  readonly #stream: NodeJS.WriteStream;
  readonly #activities = new Activities();
  readonly #draw: ReturnType<typeof createLogUpdate>;
  #drawnAt = Number.NEGATIVE_INFINITY;
  #shown = false;
  #ticking: NodeJS.Timeout | undefined;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
    // A cursor that was hidden would stay so after a kill.
    this.#draw = createLogUpdate(outletFor(stream), { showCursor: true });
  }

  event(event: Parameters<LiveProgress['event']>[0]): void {
    const now = performance.now();
    if (event.kind === 'phase-started') this.#activities.begin(event, now);
    else if (event.kind === 'phase-ended') this.#activities.end(event);
    else this.#activities.progress(event, now);
    if (event.kind !== 'progress' || now - this.#drawnAt >= DRAW_MS) this.#redraw(now);
  }

  above(say: () => void): void {
    this.#wipe();
    say();
    this.#redraw(performance.now());
  }

  clear(): void {
    this.#wipe();
    clearInterval(this.#ticking);
    this.#ticking = undefined;
  }

  #wipe(): void {
    if (this.#shown) this.#draw.clear();
    this.#shown = false;
  }

  #redraw(now: number): void {
    this.#drawnAt = now;
    const lines = this.#activities.lines(now);
    if (lines.length === 0) {
      this.clear();
      return;
    }
    const { columns, rows } = sizeOf(this.#stream);
    const room = Math.max(1, Math.min(lines.length, rows - 3));
    const rest = lines.length - room;
    const shown = [...lines.slice(0, room), ...(rest > 0 ? [`and ${rest} more`] : [])];
    // Looked through before it is cut: half a secret is not found any more.
    this.#draw(shown.map((line) => sliceAnsi(`  …   ${publicText(line)}`, 0, columns - 1)).join('\n'));
    this.#shown = true;
    // Not kept alive by it: what has nothing left to do ends.
    this.#ticking ??= setInterval(() => this.#redraw(performance.now()), TICK_MS).unref();
  }
}

function sizeOf({ columns, rows }: NodeJS.WriteStream): { readonly columns: number; readonly rows: number } {
  return { columns: columns || 80, rows: rows || 24 };
}

/** Nothing is written past the one way out. */
function outletFor(stream: NodeJS.WriteStream): NodeJS.WriteStream {
  const write = (text: string) => {
    toStderr(text);
    return true;
  };
  return new Proxy(stream, {
    get: (target, key) => {
      if (key === 'write') return write;
      if (key === 'columns' || key === 'rows') return sizeOf(target)[key];
      const value: unknown = Reflect.get(target, key);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

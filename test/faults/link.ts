import { connect, createServer, type Socket } from 'node:net';
import type { Random } from '../fixture/random.ts';

/** How a link is at the moment. */
type Condition = 'good' | 'cut' | 'silent' | { readonly delayMs: number; readonly random: Random };

/** Loss shows at the ends of a TCP connection as a piece that comes a retransmission timeout later. */
const RETRANSMISSION_MS = 600;
const LOST_OF = 20;
const MANY_BYTES = 4 * 1024 * 1024;

/** The way to a server of 127.0.0.1, on which links break. */
export interface Link {
  readonly port: number;
  /** Whether anything goes over it now. */
  isUsed(): boolean;
  /** A server that was started again may have another port. */
  leadTo(port: number): void;
  /** Every connection is reset, and so is every new one. */
  cut(): void;
  /** Resets what is open; new ones are let through. */
  reset(): void;
  /** Nothing goes through any more, in either direction, and nobody is told: neither those that are open nor new ones. */
  silence(): void;
  /** Everything takes so long in each direction, and one piece of twenty is lost and sent again. */
  slow(delayMs: number, random: Random): void;
  /** As good as new. What was held back goes on. */
  mend(): void;
  close(): Promise<void>;
}

export async function startLink(toPort: number): Promise<Link> {
  let condition: Condition = 'good';
  let far = toPort;
  const ways = new Set<{ readonly sockets: readonly Socket[]; flow(): void }>();
  const cutAll = () => {
    for (const { sockets } of ways) for (const socket of sockets) socket.destroy();
  };
  const server = createServer({ allowHalfOpen: true }, (near) => {
    near.on('error', () => undefined);
    if (condition === 'cut') return void near.resetAndDestroy();
    const other = connect({ port: far, host: '127.0.0.1', allowHalfOpen: true });
    const flows = [oneWay(near, other, () => condition), oneWay(other, near, () => condition)];
    const way = { sockets: [near, other], flow: () => flows.forEach((flow) => void flow()) };
    ways.add(way);
    for (const socket of way.sockets) {
      socket.setNoDelay(true);
      socket
        .on('error', () => undefined)
        .on('close', () => {
          ways.delete(way);
          // What hangs at the other end is not told, while the link is silent.
          if (condition !== 'silent') for (const each of way.sockets) each.destroySoon();
        });
    }
  });
  const set = (next: Condition) => {
    condition = next;
    for (const { flow } of ways) flow();
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    isUsed: () => ways.size > 0,
    leadTo(port) {
      far = port;
    },
    cut() {
      set('cut');
      cutAll();
    },
    reset: cutAll,
    silence: () => set('silent'),
    slow: (delayMs, random) => set({ delayMs, random }),
    mend: () => set('good'),
    close: () =>
      new Promise((resolve) => {
        cutAll();
        server.close(() => resolve());
      }),
  };
}

/** Carries what one socket gets to the other, in order, as the condition has it. Returns what to call when that changes. */
function oneWay(from: Socket, to: Socket, condition: () => Condition): () => void {
  const waiting: { readonly chunk: Buffer; readonly dueMs: number }[] = [];
  let held = 0;
  let lastDueMs = 0;
  let hasEnded = false;
  let timer: NodeJS.Timeout | undefined;
  const flow = () => {
    clearTimeout(timer);
    timer = undefined;
    if (condition() === 'silent') return;
    for (let next = waiting[0]; next; next = waiting[0]) {
      const waitMs = condition() === 'good' ? 0 : next.dueMs - performance.now();
      if (waitMs > 0) {
        timer = setTimeout(flow, waitMs);
        return;
      }
      waiting.shift();
      held -= next.chunk.length;
      if (to.writable && !to.write(next.chunk)) {
        to.once('drain', flow);
        return;
      }
    }
    if (held < MANY_BYTES) from.resume();
    if (hasEnded) to.end();
  };
  from.on('data', (chunk: Buffer) => {
    const now = condition();
    const delayMs =
      typeof now === 'string' ? 0 : now.delayMs + (now.random.below(LOST_OF) === 0 ? RETRANSMISSION_MS : 0);
    lastDueMs = Math.max(lastDueMs, performance.now() + delayMs);
    waiting.push({ chunk, dueMs: lastDueMs });
    held += chunk.length;
    if (held >= MANY_BYTES || to.writableLength >= MANY_BYTES) from.pause();
    if (timer === undefined) flow();
  });
  from.on('end', () => {
    hasEnded = true;
    if (timer === undefined) flow();
  });
  return flow;
}

import * as z from 'zod';
import { AgentQuestion } from '../model/agent-question.ts';
import type { FlowEvent } from '../model/event.ts';
import { HostPlan } from '../model/plan.ts';

const about = { subject: z.string() };
const phase = { ...about, phase: z.string() };

/** What an agent may tell control. A host that somebody has taken over may send anything: what has another form is dropped. */
const AgentEvent = z.discriminatedUnion('event', [
  z.object({ event: z.literal('phase-started'), ...phase }),
  z.object({ event: z.literal('phase-ended'), ...phase, durationMs: z.number() }),
  z.object({
    event: z.literal('progress'),
    ...phase,
    doneBytes: z.number(),
    totalBytes: z.number().nullable(),
    tables: z.object({ done: z.number(), total: z.number() }).optional(),
    leftMs: z.number().optional(),
    over: z.boolean().optional(),
  }),
  z.object({ event: z.literal('plan'), ...about, plan: HostPlan }),
  z.object({ event: z.literal('account-order'), ...about, order: z.unknown() }),
  z.object({ event: z.literal('question'), ...about, id: z.int(), question: AgentQuestion }),
  z.object({ event: z.literal('note'), ...about, text: z.string() }),
  z.object({ event: z.literal('warning'), ...about, text: z.string(), hint: z.string() }),
]);

/** An event as control passes it on; undefined for what is none. The order of an account is judged by whoever carries it. */
export function agentEvent(told: unknown): FlowEvent | undefined {
  const { data } = AgentEvent.safeParse(told);
  if (!data) return undefined;
  const { event: kind, ...rest } = data;
  return { kind, ...rest } as FlowEvent;
}

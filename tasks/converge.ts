import { text } from 'node:stream/consumers';
import { converge } from '../lib/flow/converge.ts';
import { parseOrder } from '../lib/flow/parse-order.ts';
import { runningRelease } from '../lib/flow/running-release.ts';
import { formatPlan } from '../lib/report/plan.ts';
import { systemClock } from '../lib/system/clock.ts';
import { runTask } from './run-task.ts';

await runTask({
  verb: 'converge',
  usage: '--json',
  summary: `The agent's part of provisioning, on the host: reads an order from standard input, plans, and carries it out where
that is ordered. Control sends the order; a person uses provision instead.`,
  options: {},
  examples: ['--json <order.json'],
  async run({ emit, signal }) {
    const order = parseOrder(await text(process.stdin));
    const release = await runningRelease(import.meta.url);
    const converged = await converge(order, { release, clock: systemClock, emit, signal });
    return { text: formatPlan(converged.plan), data: converged };
  },
});

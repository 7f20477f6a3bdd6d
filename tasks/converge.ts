import { text } from 'node:stream/consumers';
import { readAttendedOrder } from '../lib/flow/attended-order.ts';
import { converge } from '../lib/flow/converge.ts';
import { convergeDriller } from '../lib/flow/converge-driller.ts';
import { parseOrder } from '../lib/flow/parse-order.ts';
import { removeUpload, runningRelease } from '../lib/flow/running-release.ts';
import { formatPlan } from '../lib/report/plan.ts';
import { systemClock } from '../lib/system/clock.ts';

import { runTask } from './run-task.ts';

await runTask({
  verb: 'converge',
  usage: '--json',
  summary: `The agent's part of provisioning, on the host: reads an order from standard input, plans, and carries it out where
that is ordered. Control sends the order; a person uses provision instead.`,
  options: { attended: 'stop after the step that is under way when standard input ends: whoever ordered it has gone' },
  examples: ['--json <order.json'],
  async run({ values, emit, signal }) {
    const release = await runningRelease(import.meta.url);
    if (values.attended !== true) return await carryOut(await text(process.stdin), signal);
    const { text: order, gone } = await readAttendedOrder(process.stdin);
    try {
      return await carryOut(order, AbortSignal.any([signal, gone]));
    } finally {
      if (gone.aborted) await removeUpload(release);
      process.stdin.destroy();
    }

    async function carryOut(json: string, signal: AbortSignal) {
      const order = parseOrder(json);
      const context = { release, clock: systemClock, emit, signal };
      const converged = 'drilling' in order ? await convergeDriller(order, context) : await converge(order, context);
      return { text: formatPlan(converged.plan), data: converged };
    }
  },
});

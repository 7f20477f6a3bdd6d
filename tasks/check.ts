import { readAttendedOrder } from '../lib/flow/attended-order.ts';
import { check } from '../lib/flow/check.ts';
import { checkHost } from '../lib/flow/check-host.ts';
import { operatorLogin } from '../lib/flow/login.ts';
import { readCheckOrder } from '../lib/flow/read-check-order.ts';
import { releaseShelf } from '../lib/flow/release-shelf.ts';
import { removeUpload, runningRelease } from '../lib/flow/running-release.ts';
import { selectHosts } from '../lib/flow/select-hosts.ts';
import { CoffreError } from '../lib/model/error.ts';
import { checkReport, formatCheck } from '../lib/report/check-result.ts';
import { nagiosAnswer } from '../lib/report/nagios.ts';
import { systemClock } from '../lib/system/clock.ts';
import { inventoryOf } from './inventory-option.ts';

import { runTask, textOf } from './run-task.ts';

import type { TaskContext, TaskResult } from './task.ts';

const PARALLEL = 8;
const LIMIT_SECONDS = 30;

await runTask({
  verb: 'check',
  usage: '[host …|--all]',
  summary: `Tries for each host every condition under which its next backup is whole, and can be restored: one line each, OK or
FAILED with the reason and what to do. From control over SSH, with what the audit repository says; on the host itself
without. Changes nothing; small files are written to the store, the export and the offsites, and removed again. The exit
code is the highest of what failed: 7 for what cannot be reached, 5 for a run or a drill that is too old, 3 for what is owed.`,
  options: {
    all: 'all hosts of the inventory',
    nagios: 'one line for a monitoring system, with numbers: exit code 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN',
    timeout: `=SECONDS  how long one condition may take (default: ${LIMIT_SECONDS})`,
    repository: '=PATH|REMOTE  the audit repository (default: the one that the inventory names)',
    identity: "=FILE  private SSH key to log in with (default: the inventory's, the SSH agent, ~/.ssh/id_ed25519)",
    attended: 'for control, which has sent an order: it is on standard input',
  },
  examples: ['db1', '--all', 'db1 --nagios --timeout 20', '--all --json'],
  endsAtOnce: true,
  async run(context) {
    const { values, words, signal } = context;
    if (values.attended === true) return await carryOut(context);
    if (values.nagios === true && values.json === true) {
      throw new CoffreError('usage', 'cannot tell it in two forms at once', { hint: 'leave out --json or --nagios' });
    }
    const limitMs = limitOf(values);
    const inventory = await inventoryOf(values);
    const hosts = selectHosts(inventory, words, values.all === true);
    const login = operatorLogin(textOf(values, 'identity'), process.env.SSH_AUTH_SOCK);
    const here = process.env.COFFRE_COMMAND !== undefined;
    const wish = { limitMs, parallel: PARALLEL, here, repository: textOf(values, 'repository') };
    const shelf = shelfOnce();
    const report = checkReport(
      await check(hosts, wish, { inventory, login, releases: shelf, clock: systemClock, signal }),
    );
    if (values.nagios === true) return { ...nagiosAnswer(report), data: report };
    return { text: formatCheck(report), data: report, exitCode: report.exitCode };
  },
});

/** On the host, for control. */
async function carryOut({ signal }: TaskContext): Promise<TaskResult> {
  const release = await runningRelease(import.meta.url);
  const { text, gone } = await readAttendedOrder(process.stdin);
  try {
    const order = readCheckOrder(text);
    const data = await checkHost(order, { clock: systemClock, signal: AbortSignal.any([signal, gone]) });
    return { text: '', data };
  } finally {
    if (gone.aborted) await removeUpload(release);
    process.stdin.destroy();
  }
}

/** A host has no releases to send. */
function shelfOnce() {
  let shelf: ReturnType<typeof releaseShelf> | undefined;
  return () => {
    shelf ??= releaseShelf();
    return shelf;
  };
}

function limitOf(values: TaskContext['values']): number {
  const seconds = Number(textOf(values, 'timeout') ?? LIMIT_SECONDS);
  if (Number.isInteger(seconds) && seconds >= 1 && seconds <= 600) return seconds * 1000;
  throw new CoffreError('usage', 'cannot read --timeout: a number of seconds from 1 to 600 is expected', {
    hint: 'such as --timeout 20',
  });
}

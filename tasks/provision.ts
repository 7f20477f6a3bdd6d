import { operatorLogin } from '../lib/flow/login.ts';
import { type ProvisionWish, provision } from '../lib/flow/provision.ts';
import { provisionDriller } from '../lib/flow/provision-driller.ts';
import { releaseShelf } from '../lib/flow/release-shelf.ts';
import { selectMachines } from '../lib/flow/select-hosts.ts';
import { CoffreError } from '../lib/model/error.ts';
import { formatProvision, provisionData } from '../lib/report/provision-result.ts';
import { systemClock } from '../lib/system/clock.ts';
import { inventoryOf } from './inventory-option.ts';

import { runTask, textOf } from './run-task.ts';

import type { TaskContext } from './task.ts';

const PARALLEL = 8;
const MANNERS = ['dry-run', 'check', 'remove', 'rollback'] as const;

await runTask({
  verb: 'provision',
  usage: '<host or driller>… | --all',
  summary: `Converges hosts, and machines that drill, to the inventory over SSH: agent, folders, public keys, database account, signing key, cron entry.
Shows what it will change, changes it, and looks at it again; a second run changes nothing. What is done stays done when
it is interrupted, and the next run does the rest. Exit code: the highest of the hosts'; also what keeps the backups of a
provisioned host from being whole, such as 7 for an offsite that it cannot use.`,
  options: {
    all: 'every host and every driller of the inventory',
    'dry-run': 'show the plan, change nothing',
    check: 'the same, with exit code 2 when anything is amiss, 7 when something cannot be reached',
    remove: 'take everything away again, and leave the backups',
    rollback: 'switch to the release that was there before the current one',
    parallel: `=N  hosts at a time (default: ${PARALLEL})`,
    identity: "=FILE  private SSH key to log in with (default: the inventory's, the SSH agent, ~/.ssh/id_ed25519)",
  },
  examples: ['db1 --dry-run', 'db1', '--all', '--all --check', 'db1 --rollback', 'db1 --remove --dry-run'],
  async run({ values, words, emit, signal }) {
    const wish = wishOf(values);
    const inventory = await inventoryOf(values);
    const { hosts, drillers } = selectMachines(inventory, words, values.all === true);
    const login = operatorLogin(textOf(values, 'identity'), process.env.SSH_AUTH_SOCK);
    const context = { inventory, login, releases: releaseShelf(), clock: systemClock, emit, signal };
    const outcomes = [...(await provision(hosts, wish, context))];
    for (const driller of drillers) outcomes.push(await provisionDriller(driller, wish, context));
    signal.throwIfAborted();
    const report = provisionData(outcomes, { check: values.check === true, applied: wish.apply });
    return { text: formatProvision(report, inventory.folder), data: report, exitCode: report.exitCode };
  },
});

function wishOf(values: TaskContext['values']): ProvisionWish {
  const chosen = MANNERS.filter((manner) => values[manner] === true);
  const dry = values['dry-run'] === true || values.check === true;
  const undo = chosen.filter((manner) => manner === 'remove' || manner === 'rollback');
  if (undo.length > 1 || (values.check === true && undo.length > 0)) {
    throw new CoffreError('usage', `cannot do ${chosen.map((manner) => `--${manner}`).join(' and ')} at once`, {
      hint: 'npx zx tasks/provision.ts --help',
    });
  }
  const parallel = Number(textOf(values, 'parallel') ?? PARALLEL);
  if (!Number.isInteger(parallel) || parallel < 1 || parallel > 64) {
    throw new CoffreError('usage', 'cannot read --parallel: a number from 1 to 64 is expected', {
      hint: 'such as --parallel 4',
    });
  }
  const desired = values.remove === true ? 'absent' : values.rollback === true ? 'previous-release' : 'present';
  return { desired, apply: !dry, lookAround: values['dry-run'] !== true, parallel };
}

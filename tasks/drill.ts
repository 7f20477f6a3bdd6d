import type { drill } from '../lib/flow/drill.ts';
import { drillAndTell } from '../lib/flow/drill-and-tell.ts';
import { selectDriller } from '../lib/flow/select-driller.ts';
import { CoffreError } from '../lib/model/error.ts';
import { drillExitCode, formatDrill } from '../lib/report/drill-result.ts';
import { systemClock } from '../lib/system/clock.ts';
import { inventoryOf, ON_DRILLER } from './inventory-option.ts';

import { listOf, runTask, textOf } from './run-task.ts';

await runTask({
  verb: 'drill',
  usage: '[driller]',
  summary: `Restores the newest run of each host of a driller into a throwaway server, on this machine, compares it by content with
what was backed up, measures how long that takes, and publishes a signed record of it, also when it fails. Exit code 5
means: what is there cannot be restored, is not what was backed up, or lacks a newer run that is on record. 3: all was
restored, and could not be compared.`,
  options: {
    host: '=…NAME  only this host of the driller; can be given several times',
    from: '=PLACE  store, export, offsite or offsite:<name> (default: what the inventory says of the driller)',
  },
  examples: ['', 'drill1 --host db1', '--from offsite:contractor --json'],
  logs: true,
  async run({ values, words, emit, signal, logTo }) {
    const inventory = await inventoryOf(values, ON_DRILLER);
    const driller = selectDriller(inventory, words);
    logTo(driller);
    const wanted = listOf(values, 'host');
    const unknown = wanted.filter((name) => !driller.hosts.some((host) => host === name));
    if (unknown.length > 0) {
      throw new CoffreError('usage', `cannot drill ${unknown.join(', ')}: that is no host of ${driller.name}`, {
        hint: `it drills: ${driller.hosts.join(', ')}`,
      });
    }
    const only = wanted.length === 0 ? undefined : driller.hosts.filter((host) => wanted.includes(host));
    const outcomes = await drillAndTell(driller, {
      inventory,
      clock: systemClock,
      emit,
      signal,
      only,
      from: textOf(values, 'from'),
    });
    signal.throwIfAborted();
    return { text: formatDrill(outcomes), data: dataOf(outcomes), exitCode: drillExitCode(outcomes) };
  },
});

function dataOf(outcomes: Awaited<ReturnType<typeof drill>>) {
  const told = (error: CoffreError | null) =>
    error && { code: error.code, message: error.message, hint: error.hint ?? null, findings: error.findings };
  return outcomes.map(({ record, error, publication, lost }) => ({
    record,
    error: told(error),
    publication: publication.kind,
    lost: told(lost),
  }));
}

/*
 * What `validate` takes to judge the records of a year: 10, 50 and 200 hosts that publish every night, each record really
 * signed, each run a commit. Time of the whole task from its start to its end, and the most memory of its own process (VmHWM
 * of proc(5)), without the git programs that it reads from. Once without anything remembered, and once where the head of
 * the night before is: then only the night's own commits are compared, while every record and signature is still read.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatTable } from '../../lib/report/table.ts';
import { makeAuditHistory } from '../fixture/audit-history.ts';
import { bundleTasks } from '../fixture/bundle.ts';
import { type BenchCommand, describeMachine, optionsOf, positive, say } from './bench-command.ts';
import { resultsFile } from './results-file.ts';
import { type Timed, timed } from './timed.ts';

interface Measured extends Pick<Timed, 'wallMs' | 'peakBytes'> {
  readonly hosts: number;
  readonly records: number;
  /** Whether the head of the look before was remembered. */
  readonly remembered: boolean;
}

export const validate: BenchCommand = {
  usage: '[--hosts N,N,…] [--nights N] [--rounds N] [--json]',
  summary: 'the time and the peak memory of validate, by the number of hosts (10, 50 and 200, 365 nights, 2 rounds)',
  async run(words, signal) {
    const options = optionsOf(words, { hosts: '10,50,200', nights: '365', rounds: '2', json: false });
    const sizes = options.hosts.split(',').map((hosts) => Math.ceil(positive('hosts', hosts)));
    const nights = Math.ceil(positive('nights', options.nights));
    const rounds = Math.ceil(positive('rounds', options.rounds));
    const tasks = await bundleTasks();
    const file = await resultsFile('validate');
    const measured: Measured[] = [];
    const results = () => ({ machine: describeMachine(), node: process.versions.node, nights, measured });
    for (const hosts of sizes) {
      if (signal.aborted) break;
      const folder = await mkdtemp(join(tmpdir(), 'coffre-bench-'));
      try {
        say(`making the records of ${hosts} hosts and ${nights} nights in ${folder}`);
        const { records, inventory, repository } = await makeAuditHistory({ folder, hosts, nights, now: new Date() });
        const task = [join(tasks, 'validate.mjs'), '--inventory', inventory, '--repository', repository, '--json'];
        for (let round = 0; round < rounds * 2 && !signal.aborted; round += 1) {
          const remembered = round % 2 === 1;
          const state = ['--state', join(folder, `state-${round >> 1}`)];
          const { wallMs, peakBytes } = await timed(process.execPath, [...task, ...state], { signal });
          measured.push({ hosts, records, remembered, wallMs, peakBytes });
          say(`${hosts} hosts${remembered ? ', remembered' : ''}: ${(wallMs / 1000).toFixed(1)} s`);
          await file.write(results());
        }
      } catch (error) {
        if (!signal.aborted) throw error;
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    }
    const rows = measured.map(({ hosts, records, remembered, wallMs, peakBytes }) => [
      String(hosts),
      String(records),
      remembered ? 'yes' : 'no',
      (wallMs / 1000).toFixed(1),
      ((wallMs / records) * 1000).toFixed(0),
      (peakBytes / 1e6).toFixed(0),
    ]);
    const table = formatTable(['hosts', 'records', 'remembered', 'seconds', 'µs a record', 'peak MB'], rows);
    const text = `${table}\n\n${describeMachine()}, ${nights} nights\nkept: ${file.path}`;
    process.stdout.write(`${options.json ? JSON.stringify(results(), null, 2) : text}\n`);
    return 0;
  },
};

import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { endRecordedProcess, readProcess, recordProcess } from '../../lib/system/process-record.ts';
import { until } from '../until.ts';

const sleeper = (...args: string[]) => spawn(args[0] ?? 'sleep', args.length > 0 ? args.slice(1) : ['60']).pid ?? 0;
const isAlive = (pid: number) =>
  !/^State:\s+Z/m.test(existsSync(`/proc/${pid}`) ? readFileSync(`/proc/${pid}/status`, 'utf8') : 'State: Z');

t.test('ends the recorded process and removes the record', async (t) => {
  const record = join(t.testdir(), 'record');
  const pid = sleeper();
  await recordProcess(record, pid);
  t.match(await readProcess(record), { pid });
  t.equal(await endRecordedProcess(record), true);
  t.notOk(isAlive(pid));
  t.notOk(existsSync(record));
  t.equal(await endRecordedProcess(record), false);
});

t.test('kills a process that does not listen', async (t) => {
  const record = join(t.testdir(), 'record');
  const deaf = join(t.testdir({}), 'deaf');
  const pid = sleeper('sh', '-c', `trap '' TERM; : > "$0"; while :; do sleep 0.1; done`, deaf);
  await recordProcess(record, pid);
  await until('it does not listen', () => existsSync(deaf));
  t.equal(await endRecordedProcess(record, 300), true);
  t.notOk(isAlive(pid));
});

t.test('lets another process alone that has come by the same pid, and believes no odd record', async (t) => {
  const record = join(t.testdir(), 'record');
  const pid = sleeper();
  t.teardown(() => process.kill(pid));
  await recordProcess(record, pid);
  const good = JSON.parse(readFileSync(record, 'utf8'));
  for (const content of [
    { ...good, startTicks: '1' },
    { ...good, bootId: 'another boot' },
    { ...good, pid: 1 },
    { pid },
  ]
    .map((value) => JSON.stringify(value))
    .concat('', 'junk', `${pid}`)) {
    writeFileSync(record, content);
    t.equal(await endRecordedProcess(record), false, content);
    t.ok(isAlive(pid));
  }
});

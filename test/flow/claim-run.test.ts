import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { claimRun, claimRunToRecord, lostRuns, settleClaim } from '../../lib/flow/claim-run.ts';
import { RunId } from '../../lib/model/run-id.ts';
import { systemClock } from '../../lib/system/clock.ts';

function folder(t: { teardown(act: () => void): void }): string {
  const path = mkdtempSync(join(tmpdir(), 'coffre-claim-'));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

t.test('gives two runs of the same second two names', async (t) => {
  const state = folder(t);
  const [one, other] = await Promise.all([claimRun(state, systemClock), claimRun(state, systemClock)]);
  t.not(one, other);
});

t.test('forgets claims after two days, and keeps younger ones', async (t) => {
  const state = folder(t);
  const at = (time: string) => ({ now: () => new Date(time) });
  await claimRun(state, at('2026-11-20T04:00:00Z'));
  await claimRun(state, at('2026-11-22T03:00:00Z'));
  await claimRun(state, at('2026-11-22T05:00:00Z'));
  t.same(readdirSync(join(state, 'runs')).sort(), ['2026-11-22T030000Z', '2026-11-22T050000Z']);
});

t.test('tells of a run that took a name and came to no record, once its process has ended', async (t) => {
  const state = folder(t);
  await claimRun(state, systemClock);
  const own = await claimRunToRecord(state, systemClock);
  t.strictSame(await lostRuns(state), [], 'it may still come to it');
  const script = `
    import { writeSync } from 'node:fs';
    import { claimRunToRecord } from './lib/flow/claim-run.ts';
import { systemClock } from './lib/system/clock.ts';
    writeSync(1, await claimRunToRecord(${JSON.stringify(state)}, systemClock));
    process.kill(process.pid, 'SIGKILL');
    await new Promise((resolve) => setTimeout(resolve, 5000));
  `;
  const claim = () => {
    const words = ['--import=./lib/system/typescript.mjs', '--input-type=module', '-e', script];
    return spawnSync(process.execPath, words, { encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: '' } }).stdout;
  };
  const [first = '', second = ''] = [claim(), claim()];
  t.strictSame(await lostRuns(state), [first, second]);
  await settleClaim(state, RunId.parse(first));
  await settleClaim(state, own);
  t.strictSame(await lostRuns(state), [second]);
  t.equal(readdirSync(join(state, 'runs')).length, 4, 'and nothing else is left');
});

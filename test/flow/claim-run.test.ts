import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { claimRun } from '../../lib/flow/claim-run.ts';
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

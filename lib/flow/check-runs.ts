import { readOutbox } from '../audit/outbox.ts';
import type { CheckOrder } from '../model/host-check.ts';
import { startOfRun } from '../model/run-id.ts';
import { isCovered } from '../model/schedule.ts';
import { formatAge } from '../report/format.ts';
import { openRunFolders } from '../storage/run-folders.ts';
import { assertStoreReadable } from '../storage/store-guard.ts';
import type { Clock } from '../system/clock.ts';
import { exists } from '../system/files.ts';
import { waitingRuns } from './deliver-to-store.ts';
import { readDebts } from './owed.ts';
import { readManifest } from './read-manifest.ts';
import type { Probe, Seen } from './try-conditions.ts';

/** Whether the host has a young run, and owes nothing of the earlier ones. */
export function runProbes({ slice }: CheckOrder, clock: Clock): readonly Probe[] {
  const { host, allowedSigners } = slice;
  return [
    {
      check: 'last-run',
      says: 'the last run is in the store, signed, and no older than the schedule asks for',
      late: 'store-unreachable',
      async look(): Promise<Seen> {
        await assertStoreReadable(host.store);
        const folders = openRunFolders(host.store.path);
        const now = clock.now();
        const hint = 'look at what it says: npx zx tasks/backup.ts; and at what is on record: npx zx tasks/list.ts';
        const run = (await folders.listRuns()).at(-1);
        const reader = run && (await folders.openRun(run));
        if (!reader) return { fault: { text: 'there is none', hint, code: 'verification-failed' } };
        await readManifest(reader, host.name, run, allowedSigners);
        const ageMs = now.getTime() - startOfRun(run).getTime();
        const figures = [{ name: 'age', value: Math.round(ageMs / 1000), unit: 's' as const }];
        const detail = `${run}, ${formatAge(ageMs)} ago`;
        if (isCovered(host, startOfRun(run), now)) return { detail, figures };
        return { figures, fault: { text: `the last one is ${detail}`, hint, code: 'verification-failed' } };
      },
    },
    {
      check: 'owed',
      says: 'no copy and no record is owed',
      severity: 'warning',
      async look(): Promise<Seen> {
        const debts = await readDebts(host);
        const waiting = await waitingRuns(host);
        const records = (await exists(host.state.path)) ? await readOutbox(host.state.path) : [];
        const count = debts.length + waiting.length + records.length;
        const figures = [{ name: 'owed', value: count, unit: '' as const }];
        if (count === 0) return { detail: 'nothing', figures };
        const offsites = [...new Set(debts.map(({ offsite }) => offsite))].map(
          (name) => `${debts.filter(({ offsite }) => offsite === name).length} to the offsite ${name}`,
        );
        const text = [
          ...offsites,
          ...(waiting.length > 0 ? [`${waiting.length} to the store`] : []),
          ...(records.length > 0 ? [`${records.length} records to the audit repository`] : []),
        ].join(', ');
        return {
          figures,
          fault: { text, hint: 'the next run delivers it; at once: npx zx tasks/backup.ts', code: 'owed' },
        };
      },
    },
  ];
}

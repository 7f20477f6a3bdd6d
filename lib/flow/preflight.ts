import { keyEndRemark } from '../model/key-end.ts';
import { assertRoom } from './assert-room.ts';
import { readJournal } from './journal.ts';
import { startKilledReplication } from './open-at-replica.ts';
import { type PreparedRun, prepareRun } from './prepare-run.ts';
import type { RunUnderWay } from './run-under-way.ts';
import { settleKilledRun } from './settle-killed-run.ts';
import { tellChangingColumns } from './tell-changing-columns.ts';
import { tellOrphanViews } from './tell-orphan-views.ts';

/** From here on a kill is on record, unless the journal still tells of an earlier run. */
export async function beginRecord({ given, record }: RunUnderWay): Promise<void> {
  if (!(await readJournal(given.state.path))) await record.writeJournal(record.journalAs('working'));
}

/** What earlier runs have left. From then on the journal is this run's. */
export async function clearUp(run: RunUnderWay): Promise<void> {
  const { given, context, store, record } = run;
  await startKilledReplication(given, context.emit);
  await store.claim();
  await settleKilledRun(given, context, store.lost, record.run);
  await assertRoom(run.host, context).catch((error: unknown) => store.goWithout(error));
  if (store.lost) run.goOnWithout(store.lost);
  await record.writeJournal(record.journalAs('working'));
}

/** A key that has ended loses no night: what is sealed for it opens as before. But somebody has to know. */
export function tellKeyEnds({ host, context }: RunUnderWay): void {
  const { inventory, clock, emit } = context;
  for (const recipient of host.recipients.flatMap((name) => inventory.recipients.get(name) ?? [])) {
    const remark = keyEndRemark(recipient.name, recipient.publicKey, clock.now());
    if (remark) emit({ kind: 'warning', subject: host.name, text: remark.text, hint: remark.hint });
  }
}

/** Everything that an attempt at the dumps needs, looked at before it has cost anything. */
export async function prepareAttempt({ host, context, record }: RunUnderWay): Promise<PreparedRun> {
  const { inventory, emit } = context;
  const { prepared, draft } = await prepareRun(host, inventory, record.run, record.draft);
  record.draft = draft;
  const { version, level, why } = prepared.compressor;
  emit({ kind: 'note', subject: host.name, text: `compressed by ${version} at level ${level}: ${why}` });
  tellChangingColumns(prepared.server.changingColumns, emit);
  tellOrphanViews(prepared.server.orphanViews, host.name, emit);
  for (const name of prepared.server.unknownExcludes) {
    const text = `the inventory leaves out the database ${JSON.stringify(name)}, and the server has none of that name`;
    const hint = 'mend database.exclude: names are as SHOW DATABASES has them';
    emit({ kind: 'warning', subject: host.name, text, hint });
  }
  return prepared;
}

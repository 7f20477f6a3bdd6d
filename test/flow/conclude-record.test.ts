import { execFileSync } from 'node:child_process';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { readHead } from '../../lib/audit/chain.ts';
import { readOutbox } from '../../lib/audit/outbox.ts';
import { factsOf } from '../../lib/audit/signed-record.ts';
import { conclude, publish } from '../../lib/flow/conclude.ts';
import { concludeRecord, publishRecords, type RecordDraft } from '../../lib/flow/conclude-record.ts';
import { emptyDraft } from '../../lib/flow/draft.ts';
import { signedJournal, writeJournal } from '../../lib/flow/journal.ts';
import { concludeKept, keepDraft } from '../../lib/flow/kept-drafts.ts';
import { settleKilledRun } from '../../lib/flow/settle-killed-run.ts';
import type { AuditConfig } from '../../lib/model/audit-config.ts';
import type { HostConfig } from '../../lib/model/inventory.ts';
import { RECORD_VERSION } from '../../lib/model/record-parts.ts';
import { runIdAt } from '../../lib/model/run-id.ts';
import { hostRecordsOf } from '../fixture/host-record.ts';
import { signerOf, temporaryFolder } from '../fixture/signer.ts';

type T = Parameters<typeof temporaryFolder>[0];
const NOW = new Date('2026-11-22T04:10:00Z');
const clock = { now: () => NOW };
const AT = new Date('2026-11-22T04:00:07Z');

/** A host that has its signing key, and an audit repository that is there or is not. */
async function hostOf(t: T, isThere = true) {
  const signer = await signerOf(t, 'db1');
  const folder = await temporaryFolder(t);
  const remote = join(folder, 'audit.git');
  const bring = () => execFileSync('git', ['init', '-q', '--bare', remote]);
  if (isThere) bring();
  const audit: AuditConfig = { kind: 'git', remote, branch: 'main' };
  const at = (name: string) => ({ path: join(folder, name) });
  const host = {
    ...{ name: signer.host, audit, offsite: [], state: { path: signer.stateFolder } },
    ...{ store: { ...at('store'), mount: 'none' }, export: at('export'), keys: at('keys'), secrets: at('.env') },
  } as unknown as HostConfig;
  return { host, state: signer.stateFolder, bring, remote };
}

function draftOf(kind: 'verify' | 'provision', startedAt = AT): RecordDraft {
  const {
    version: _,
    host: __,
    sequence: ___,
    previous: ____,
    finishedAt: _____,
    software: ______,
    ...draft
  } = hostRecordsOf('db1', startedAt)[kind];
  return draft as RecordDraft;
}

t.test('a record is made where the audit repository has answered, or the head is known here', async (t) => {
  const { host, state, remote } = await hostOf(t);
  const first = await concludeRecord(host, draftOf('provision'), { clock });
  t.match(first, {
    kind: 'provision',
    sequence: 1,
    previous: null,
    version: RECORD_VERSION,
    finishedAt: NOW.toISOString(),
  });
  await rm(remote, { recursive: true });
  const second = await concludeRecord(host, draftOf('verify'), { clock });
  t.match(second, { kind: 'verify', sequence: 2 });
  t.match(await publishRecords(host, { clock }), { kind: 'owed', count: 2 });
  t.match(
    (await readOutbox(state)).map((signed) => factsOf(signed).sequence),
    [1, 2],
  );
});

t.test('none is made where nobody can know the head, and nothing is left of it', async (t) => {
  const { host, state } = await hostOf(t, false);
  await t.rejects(concludeRecord(host, draftOf('provision'), { clock }), { code: 'audit-unreachable' });
  t.strictSame(await readOutbox(state), []);
  t.equal(await readHead(state), undefined);
});

t.test('a published chain is never forked by a host that has lost its state', async (t) => {
  const { host, state, remote, bring } = await hostOf(t);
  await concludeRecord(host, draftOf('provision'), { clock });
  t.match(await publishRecords(host, { clock }), { kind: 'published' });
  for (const name of ['chain.json', 'audit']) await rm(join(state, name), { recursive: true });
  execFileSync('mv', [remote, `${remote}.away`]);
  await t.rejects(concludeRecord(host, draftOf('verify'), { clock }), { code: 'audit-unreachable' });
  execFileSync('mv', [`${remote}.away`, remote]);
  t.match(await concludeRecord(host, draftOf('verify'), { clock }), { sequence: 2 });
  t.match(await publishRecords(host, { clock }), { kind: 'published', count: 1 });
  bring();
});

t.test('the manifest of a run that was killed when it was signed keeps its place', async (t) => {
  const { host, state } = await hostOf(t);
  await concludeRecord(host, draftOf('provision'), { clock });
  const draft = emptyDraft(host, runIdAt(AT));
  const killed = conclude(host, draft, clock, async (signed) => {
    await writeJournal(state, signedJournal({ run: draft.run, state: 'sealed', phase: 'ship', draft }, signed));
    throw new Error('killed');
  });
  await t.rejects(killed, { message: 'killed' });
  t.equal((await readOutbox(state)).length, 1, 'the outbox has not got it');
  t.match(await concludeRecord(host, draftOf('verify'), { clock }), { sequence: 3 });
  const lines = async () => (await readOutbox(state)).map((signed) => factsOf(signed).line.replace(/ 2026\S+/, ''));
  t.strictSame(await lines(), ['db1 provision succeeded', 'db1 succeeded', 'db1 verify succeeded']);
  const context = { clock, emit: () => undefined, signal: new AbortController().signal };
  await settleKilledRun(host, context as unknown as Parameters<typeof settleKilledRun>[1]);
  t.strictSame(
    await lines(),
    ['db1 provision succeeded', 'db1 succeeded', 'db1 verify succeeded'],
    'and is not made twice',
  );
  t.match(await publishRecords(host, { clock }), { kind: 'published', count: 3 });
});

t.test('what could not be put on record yet follows the next run', async (t) => {
  const { host, state, bring } = await hostOf(t, false);
  await keepDraft(host, draftOf('provision'));
  await concludeKept(host, clock);
  t.strictSame(await readOutbox(state), [], 'nobody knows the head yet');
  bring();
  await conclude(host, emptyDraft(host, runIdAt(AT)), clock);
  t.match(await publish(host, clock), { kind: 'published', count: 2 });
  t.strictSame(await readdir(join(state, 'unrecorded')), []);
  t.match(await readHead(state), { sequence: 2 });
});

t.test(
  'one that was concluded by a run that was killed then is not made twice; a damaged one keeps no run back',
  async (t) => {
    const { host, state } = await hostOf(t);
    await concludeRecord(host, draftOf('provision'), { clock });
    await keepDraft(host, draftOf('provision'));
    await concludeKept(host, clock);
    t.equal((await readOutbox(state)).length, 1);
    t.strictSame(await readdir(join(state, 'unrecorded')), []);
    const path = join(state, 'unrecorded', '2026-11-22T040007Z-verify.json');
    await writeFile(path, '{');
    t.match(await publish(host, clock), { kind: 'published', count: 1 });
    t.equal(await readFile(path, 'utf8'), '{');
  },
);

import t from 'tap';
import { acknowledge } from '../../lib/audit/acknowledge.ts';
import type { AuditFinding } from '../../lib/audit/finding.ts';
import { readInventory } from '../../lib/inventory/read.ts';
import type { Acknowledgement } from '../../lib/model/acknowledgement.ts';
import { inventoryWith } from '../fixture/inventory.ts';

const finding = (changes: Partial<AuditFinding> = {}): AuditFinding => ({
  ...{ rule: 'append-only', severity: 'error', host: null, path: 'manifests/db1/2026/x.json' },
  ...{ message: 'it was deleted by commit 4f2c1d0a9b8c', hint: 'see: git show' },
  ...changes,
});
const known: Acknowledgement = {
  ...{ rule: 'append-only', path: 'manifests/db1/2026/x.json', message: 'it was deleted by commit 4f2c1d0a9b8c' },
  ...{ by: 'Alice', on: '2026-11-22', why: 'put back' },
};

t.test('takes away what is acknowledged word by word, and nothing that is only like it', async (t) => {
  const others = [
    finding({ path: 'manifests/db1/2026/y.json' }),
    finding({ path: null }),
    finding({ message: 'it was deleted by commit 111111111111' }),
    finding({ rule: 'belongs' }),
  ];
  const done = acknowledge([finding(), ...others], [known]);
  t.strictSame(done.findings, others);
  t.match(done.acknowledged, [{ finding: finding(), by: 'Alice', on: '2026-11-22', why: 'put back' }]);
});

t.test('of what is not found it warns, so that none waits for what is still to come', async (t) => {
  const { findings, acknowledged } = acknowledge([], [known]);
  t.strictSame(acknowledged, []);
  t.match(findings, [{ rule: 'acknowledged', severity: 'warning', message: /^nothing is found of .*x\.json: it was/ }]);
});

t.test('what can be mended is not taken, also from who writes it past the schema', async (t) => {
  const stale = finding({ rule: 'freshness', path: null, message: 'a run was due' });
  const trick = {
    ...known,
    rule: 'freshness',
    path: undefined,
    message: 'a run was due',
  } as unknown as Acknowledgement;
  t.strictSame(acknowledge([stale], [trick]).findings[0], stale);
});

t.test('the inventory has them in a file of their own, and names what is wrong in it', async (t) => {
  const text = (rule: string, on: string) =>
    `findings:\n  - rule: ${rule}\n    message: it was deleted\n    by: Alice\n    on: "${on}"\n    why: put back\n`;
  const good = await inventoryWith(t, { 'acknowledged.yaml': text('append-only', '2026-11-22') });
  t.match((await readInventory(good)).acknowledged, [{ rule: 'append-only', message: 'it was deleted', by: 'Alice' }]);
  t.strictSame((await readInventory(await inventoryWith(t, {}))).acknowledged, []);
  const bad = await inventoryWith(t, { 'acknowledged.yaml': text('freshness', 'yesterday') });
  await t.rejects(readInventory(bad), {
    code: 'inventory',
    findings: [
      /^acknowledged\.yaml:2:5 findings\[0\]\.rule: expected .*append-only/,
      /^acknowledged\.yaml:5:5 .*\.on: /,
    ],
  });
});

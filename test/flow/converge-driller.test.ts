import { createPrivateKey, createPublicKey } from 'node:crypto';
import { chmod, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { stringify } from 'yaml';
import { convergeDriller } from '../../lib/flow/converge-driller.ts';
import { drillerSliceOf } from '../../lib/flow/driller-slice-of.ts';
import { parseOrder } from '../../lib/flow/parse-order.ts';
import { readInventory } from '../../lib/inventory/read.ts';
import type { DrillerOrder } from '../../lib/model/driller-order.ts';
import type { HostName } from '../../lib/model/names.ts';
import { systemClock } from '../../lib/system/clock.ts';
import { exists } from '../../lib/system/files.ts';
import { inventoryWith } from '../fixture/inventory.ts';
import { temporaryFolder } from '../temporary.ts';

// Its path is short wherever the checkout is: a socket is meant to stand below.
const { path: root, remove } = temporaryFolder();
t.teardown(remove);
const at = (...names: string[]) => join(root, ...names);
const EXAMPLE = new URL('../../inventory/hosts/db1.yaml', import.meta.url).pathname;
// Nobody listens there.
const db1 = (await readFile(EXAMPLE, 'utf8')).replace('address: backup.example.org', 'address: 127.0.0.1\n    port: 1');
const folder = await inventoryWith(t, { 'hosts/db1.yaml': db1 });
await writeFile(
  join(folder, 'drillers/drill1.yaml'),
  stringify({
    hosts: ['db1'],
    schedule: '30 9 * * 1',
    ...{ folder: at('scratch'), key: at('etc/drill.pem'), identity: at('etc/offsite_ed25519') },
    audit: { kind: 'git', remote: at('audit.git'), identity: at('etc/audit_ed25519') },
    ...{ state: { path: at('state') }, settings: { path: at('etc') }, agent: { path: at('opt') } },
    scheduler: { cronFile: at('cron.d/coffre-drill') },
  }),
);
const inventory = await readInventory(folder);
const driller = inventory.drillers.get('drill1' as HostName);
if (!driller) throw new Error('there is no driller');
const drilling = drillerSliceOf(driller, inventory);

const told: string[] = [];
async function converge(order: Partial<DrillerOrder> = {}) {
  const whole = { drilling, desired: 'present', apply: true, controlTimeMs: Date.now(), ...order };
  const parsed = parseOrder(JSON.stringify(whole));
  if (!('drilling' in parsed)) throw new Error('it was taken for the order of a host');
  return await convergeDriller(parsed, {
    release: undefined,
    clock: systemClock,
    emit: (event) => void told.push(JSON.stringify(event)),
    signal: new AbortController().signal,
  });
}

const actions = ({ applied }: Awaited<ReturnType<typeof converge>>) =>
  applied.map(({ action, kind, name }) => `${action} ${kind} ${name.replace(root, '')}`);

t.test('a plan changes nothing', async (t) => {
  const { plan, applied, recipientKey, signingKey } = await converge({ apply: false });
  t.ok(plan.changes.length > 5);
  t.strictSame([applied.length, recipientKey, signingKey], [0, null, null]);
  t.notOk(await exists(at('etc')));
});

t.test('everything that a driller needs is made, what starts it last, and a second time nothing', async (t) => {
  const first = await converge();
  t.strictSame(actions(first), [
    'create folder /etc',
    'create folder /state',
    'create folder /scratch',
    'create key /state/signing/id_ed25519',
    'create key /etc/drill.pem',
    'create key /etc/offsite_ed25519',
    'create key /etc/audit_ed25519',
    'create file /etc/driller.yaml',
    'create file /etc/allowed_signers',
    'create cron-entry /cron.d/coffre-drill',
  ]);
  const entry = await readFile(at('cron.d/coffre-drill'), 'utf8');
  t.match(entry, /^30 9 \* \* 1 \S+ .*\/opt\/current\/coffre'? '?drill'? '?--inventory'? '?.*\/etc'?$/m);
  const pem = await readFile(at('etc/drill.pem'), 'utf8');
  t.equal((await stat(at('etc/drill.pem'))).mode & 0o777, 0o600);
  t.match(first.recipientKey, /^-----BEGIN PUBLIC KEY-----/);
  const key = createPrivateKey(pem);
  t.equal(createPublicKey(key).export({ type: 'spki', format: 'pem' }), first.recipientKey);
  t.equal(key.asymmetricKeyDetails?.modulusLength, 4096);
  t.notOk(told.join('').includes(pem.split('\n')[3] ?? 'x'), 'nothing of the private key is told');
  const own = await readInventory(at('etc'));
  t.match(own.allowedSigners, `drill1 namespaces="coffre-manifest" ${first.signingKey}`, 'it knows itself');
  t.notOk(
    first.remarks.some(({ text }) => text.includes('no drill of')),
    'nobody can have let its key in',
  );
  const second = await converge();
  t.strictSame(actions(second), []);
  const [unread] = second.remarks.filter(({ text }) => text.startsWith('no drill of db1 can be made: '));
  t.match(unread, { text: /127\.0\.0\.1/, code: 'offsite-unreachable' });
});

t.test('a key that others can read is closed to them; another one than the inventory has is refused', async (t) => {
  await chmod(at('etc/drill.pem'), 0o644);
  t.strictSame(actions(await converge()), ['change key /etc/drill.pem']);
  t.equal((await stat(at('etc/drill.pem'))).mode & 0o777, 0o600);
  const { recipientKey } = await converge({ apply: false });
  const escrow = inventory.recipients.get('escrow' as never)?.publicKey ?? '';
  await t.rejects(converge({ drilling: { ...drilling, recipientKey: escrow } }), {
    code: 'refused',
    message: /another one/,
  });
  t.strictSame(actions(await converge({ drilling: { ...drilling, recipientKey } })), [], 'its own');
  await rename(at('etc/drill.pem'), at('etc/away'));
  await t.rejects(converge({ drilling: { ...drilling, recipientKey } }), {
    code: 'refused',
    message: /there is no key at/,
  });
  await rename(at('etc/away'), at('etc/drill.pem'));
});

t.test('taken away again it leaves its keys, and says so', async (t) => {
  const removed = await converge({ desired: 'absent' });
  t.strictSame(actions(removed), [
    'remove cron-entry /cron.d/coffre-drill',
    'remove file /etc/driller.yaml',
    'remove file /etc/allowed_signers',
    'remove folder /scratch',
  ]);
  t.match(removed.remarks, [
    { text: /drill\.pem stays, a private key/, hint: /shred/ },
    { text: /offsite_ed25519 stays, a key that still logs in to the offsite contractor/, hint: /coffre:drill1/ },
    { text: /audit_ed25519 stays/ },
    { text: /state stays/ },
  ]);
  t.ok(await exists(at('etc/drill.pem')));
  t.strictSame(actions(await converge({ desired: 'absent' })), []);
});

import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { listRecipients } from '../../lib/flow/keys.ts';
import { rotateRecipient } from '../../lib/flow/rotate-recipient.ts';
import { readInventory } from '../../lib/inventory/read.ts';
import { openPrivateKey } from '../../lib/seal/private-key.ts';
import { describePublicKey } from '../../lib/seal/public-key.ts';
import { cachedKeyPair } from '../fixture/cached-key-pair.ts';
import { plainKeyPair } from '../seal/keys.ts';
import { temporaryFolder } from '../temporary.ts';

const EXAMPLE = new URL('../../inventory', import.meta.url).pathname;
const passphrase = 'six words that nobody guesses';
const { path: root, remove } = temporaryFolder();
t.teardown(remove);
let count = 0;

/** A copy of the example inventory, in which company has a key that is not known anywhere else. */
function place() {
  count += 1;
  const folder = join(root, String(count));
  const inventoryFolder = join(folder, 'inventory');
  mkdirSync(folder);
  cpSync(EXAMPLE, inventoryFolder, { recursive: true });
  const recipients = join(inventoryFolder, 'recipients');
  const first = plainKeyPair(3072);
  writeFileSync(join(recipients, 'company.pem'), first.publicKey);
  const { fingerprint } = describePublicKey(first.publicKey, 'company');
  const retired = join(recipients, 'retired', `company-${fingerprint.slice(0, 16)}.pem`);
  const order = { name: 'company', inventoryFolder, privateKeyPath: join(folder, 'keys', 'new.pem'), passphrase };
  return { folder, inventoryFolder, recipients, first, fingerprint, retired, order };
}

t.test('the new key takes the place of the name, and the one before stays on record', async (t) => {
  const { inventoryFolder, recipients, first, fingerprint, retired, order } = place();
  const made = await rotateRecipient(order);
  t.match(made, { name: 'company', state: 'rotated', retired: [{ path: retired, fingerprint }], hosts: { length: 2 } });
  t.equal(readFileSync(retired, 'utf8'), first.publicKey);
  const key = openPrivateKey(readFileSync(order.privateKeyPath, 'utf8'), passphrase);
  t.equal(key.asymmetricKeyDetails?.modulusLength, 4096);
  const inventory = await readInventory(inventoryFolder);
  t.match(
    listRecipients(inventory).map(({ name, fingerprint, retired }) => ({ name, fingerprint, retired })),
    [
      { name: 'company', fingerprint: made.fingerprint, retired: false },
      { name: 'company', fingerprint, retired: true },
      { name: 'escrow', retired: false },
    ],
  );

  const before = readFileSync(order.privateKeyPath, 'utf8');
  t.match(await rotateRecipient(order), { state: 'present', fingerprint: made.fingerprint, hosts: made.hosts });
  t.equal(readFileSync(order.privateKeyPath, 'utf8'), before, 'done again, it changes nothing');
  await t.rejects(rotateRecipient({ ...order, passphrase: 'another one altogether' }), { code: 'private-key' });
  t.same(readdirSync(recipients), ['company.pem', 'escrow.pem', 'retired']);
});

t.test('a kill behind any step is mended by doing it again', async (t) => {
  const second = await cachedKeyPair('rotated', passphrase);
  const whole = async ({ order, recipients, retired, first }: ReturnType<typeof place>) => {
    const made = await rotateRecipient(order);
    t.match(made, { state: /rotated|present/, retired: [{ path: retired }] });
    t.equal(readFileSync(join(recipients, 'company.pem'), 'utf8'), second.publicKey);
    t.equal(readFileSync(retired, 'utf8'), first.publicKey);
    t.same(readdirSync(join(recipients, 'retired')).length, 1);
    t.equal(readFileSync(order.privateKeyPath, 'utf8'), second.privateKey);
  };
  const begun = () => {
    const at = place();
    mkdirSync(join(at.folder, 'keys'));
    writeFileSync(at.order.privateKeyPath, second.privateKey);
    return at;
  };
  await whole(begun());

  const half = begun();
  mkdirSync(join(half.recipients, 'retired'));
  writeFileSync(`${half.retired}.partial`, '-----BEGIN');
  await whole(half);

  const kept = begun();
  mkdirSync(join(kept.recipients, 'retired'));
  writeFileSync(kept.retired, kept.first.publicKey);
  await t.resolves(readInventory(kept.inventoryFolder), 'and meanwhile the inventory is one');
  writeFileSync(join(kept.recipients, 'company.pem.partial'), second.publicKey.slice(0, 100));
  await whole(kept);
  await whole(kept);
});

t.test('half a private key under its temporary name is no key', async (t) => {
  const { folder, order } = place();
  mkdirSync(join(folder, 'keys'));
  writeFileSync(`${order.privateKeyPath}.partial`, '-----BEGIN ENCR');
  await rotateRecipient(order);
  t.same(readdirSync(join(folder, 'keys')), ['new.pem']);
});

t.test('a rotation after a rotation keeps each key that there was', async (t) => {
  const { folder, inventoryFolder, order, recipients } = place();
  const own = async (name: string) => {
    const path = join(folder, `${name}.pem`);
    writeFileSync(path, (await cachedKeyPair(name, passphrase)).privateKey);
    return await rotateRecipient({ ...order, privateKeyPath: path });
  };
  await own('rotated');
  t.match(await own('company-again'), { state: 'rotated', retired: { length: 2 } });
  t.equal(readdirSync(join(recipients, 'retired')).length, 2);
  await t.rejects(own('rotated'), { code: 'refused', message: /one that company had before/ });
  t.equal((await readInventory(inventoryFolder)).retired?.length, 2);
});

t.test('refuses what would lose a key, or open it to somebody else, and changes nothing', async (t) => {
  const { folder, inventoryFolder, recipients, first, order } = place();
  const given = (name: string, pem: string) => {
    const path = join(folder, name);
    writeFileSync(path, pem);
    return { ...order, privateKeyPath: path };
  };
  await t.rejects(rotateRecipient({ ...order, name: 'auditor' }), { code: 'usage', hint: /keys\.ts new auditor/ });
  await t.rejects(rotateRecipient({ ...order, passphrase: 'short' }), { code: 'usage' });
  await t.rejects(rotateRecipient({ ...order, privateKeyPath: join(recipients, 'x.pem') }), { code: 'refused' });
  await t.rejects(rotateRecipient(given('open.pem', first.privateKey)), { code: 'refused', message: /no passphrase/ });
  await t.rejects(rotateRecipient(given('text.pem', 'a shopping list')), { code: 'private-key' });
  const pair = await cachedKeyPair('rotated', passphrase);
  writeFileSync(join(recipients, 'escrow.pem'), pair.publicKey);
  const taken = given('taken.pem', pair.privateKey);
  await t.rejects(rotateRecipient(taken), { code: 'refused', message: /the one that escrow has now/ });
  writeFileSync(join(recipients, 'company.pem'), (await cachedKeyPair('company-again', passphrase)).publicKey);
  const same = given('same.pem', (await cachedKeyPair('company-again', passphrase)).privateKey);
  await t.rejects(rotateRecipient(same), { code: 'refused', message: /the one that company has now/ });
  t.notOk(existsSync(join(recipients, 'retired')));
  t.notOk(existsSync(order.privateKeyPath));

  mkdirSync(join(recipients, 'retired'));
  writeFileSync(join(recipients, 'retired', 'company-0123456789abcdef.pem'), first.publicKey);
  await t.rejects(readInventory(inventoryFolder), { code: 'inventory', findings: [/retired\/company-0123/] });
  rmSync(join(recipients, 'retired'), { recursive: true });
});

t.test('a key that lives on a driller is not rotated from here', async (t) => {
  const { inventoryFolder, recipients, order } = place();
  appendFileSync(join(inventoryFolder, 'drillers/drill1.yaml'), 'recipient: company\n');
  const before = readFileSync(join(recipients, 'company.pem'));
  await t.rejects(rotateRecipient(order), { code: 'refused', message: /never leaves it/ });
  t.strictSame(readFileSync(join(recipients, 'company.pem')), before);
});

t.test('with an end the new key is a certificate, also of a key that was there', async (t) => {
  const validity = { from: new Date(), days: 100 };
  for (const given of [true, false]) {
    const { folder, inventoryFolder, recipients, order } = place();
    mkdirSync(join(folder, 'keys'));
    const { privateKey } = await cachedKeyPair('rotated', passphrase);
    if (given) writeFileSync(order.privateKeyPath, privateKey);
    const made = await rotateRecipient({ ...order, validity });
    t.match(readFileSync(join(recipients, 'company.pem'), 'utf8'), /^-----BEGIN CERTIFICATE-----\n/);
    const listed = listRecipients(await readInventory(inventoryFolder));
    const [company] = listed.filter(({ name, retired }) => name === 'company' && !retired);
    t.match(company, { fingerprint: made.fingerprint, ends: Date });
    t.match(await rotateRecipient({ ...order, validity }), { state: 'present' });
    const again = { ...order, privateKeyPath: join(folder, 'again.pem') };
    writeFileSync(again.privateKeyPath, (await cachedKeyPair('company-again', passphrase)).privateKey);
    t.match(
      await rotateRecipient(again),
      { state: 'rotated', retired: { length: 2 } },
      'a certificate retires as a key does',
    );
    t.match(listRecipients(await readInventory(inventoryFolder)), [{ ends: null }, {}, {}, { name: 'escrow' }]);
  }
});

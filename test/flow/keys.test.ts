import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { listRecipients, newRecipient } from '../../lib/flow/keys.ts';
import type { HostConfig, Inventory } from '../../lib/model/inventory.ts';
import { HostName, RecipientName } from '../../lib/model/names.ts';
import { openPrivateKey } from '../../lib/seal/private-key.ts';
import { plainKeyPair } from '../seal/keys.ts';
import { temporaryFolder } from '../temporary.ts';

const passphrase = 'six words that nobody guesses';
const { path: root, remove } = temporaryFolder();
t.teardown(remove);

/** A folder of its own, not in this project's work tree. */
function place(name: string) {
  const folder = join(root, name);
  mkdirSync(join(folder, 'repository', 'inventory'), { recursive: true });
  mkdirSync(join(folder, 'repository', '.git'));
  return { folder, inventoryFolder: join(folder, 'repository', 'inventory') };
}

t.test(
  'writes the public key into the inventory and the private one where it is told, and neither twice',
  async (t) => {
    const { folder, inventoryFolder } = place('good');
    const privateKeyPath = join(folder, 'keys', 'company.key.pem');
    const order = { name: 'company', inventoryFolder, privateKeyPath, passphrase };
    const made = await newRecipient(order);
    t.match(made, { name: 'company', bits: 4096, fingerprint: /^[0-9a-f]{64}$/ });
    t.same(readdirSync(join(inventoryFolder, 'recipients')), ['company.pem']);
    t.match(readFileSync(made.publicKeyPath, 'utf8'), /^-----BEGIN PUBLIC KEY-----\n/);
    t.equal(statSync(privateKeyPath).mode & 0o777, 0o600);
    t.equal(statSync(join(folder, 'keys')).mode & 0o777, 0o700);
    const before = readFileSync(privateKeyPath, 'utf8');
    t.ok(openPrivateKey(before, passphrase));

    await t.rejects(newRecipient(order), { code: 'refused' });
    await t.rejects(newRecipient({ ...order, name: 'other' }), { code: 'refused' }, 'the private key is there');
    await t.rejects(newRecipient({ ...order, privateKeyPath: `${privateKeyPath}2` }), { code: 'refused' });
    t.equal(readFileSync(privateKeyPath, 'utf8'), before);
    t.same(readdirSync(join(folder, 'keys')), ['company.key.pem']);
    t.same(readdirSync(join(inventoryFolder, 'recipients')), ['company.pem']);
  },
);

t.test('refuses to put a private key where Git would publish it, and makes nothing then', async (t) => {
  const { folder, inventoryFolder } = place('inside');
  symlinkSync(inventoryFolder, join(folder, 'link'));
  for (const privateKeyPath of [
    join(inventoryFolder, 'company.key.pem'),
    join(inventoryFolder, 'new', 'folder', 'company.key.pem'),
    join(folder, 'repository', 'company.key.pem'),
    join(folder, 'repository', 'keys', '..', 'x.pem'),
    join(folder, 'link', 'company.key.pem'),
  ]) {
    const order = { name: 'company', inventoryFolder, privateKeyPath, passphrase };
    await t.rejects(newRecipient(order), { code: 'refused', exitCode: 8, hint: /~\/keys/ }, privateKeyPath);
    t.notOk(existsSync(privateKeyPath));
  }
  t.same(readdirSync(inventoryFolder), []);
});

t.test('makes both files or neither', async (t) => {
  const { folder, inventoryFolder } = place('neither');
  writeFileSync(join(inventoryFolder, 'recipients'), 'a file where the folder should be');
  const privateKeyPath = join(folder, 'company.key.pem');
  await t.rejects(newRecipient({ name: 'company', inventoryFolder, privateKeyPath, passphrase }));
  t.notOk(existsSync(privateKeyPath));
});

t.test('refuses names and passphrases that will not do, and repeats no passphrase', async (t) => {
  const { folder, inventoryFolder } = place('names');
  const order = { name: 'company', inventoryFolder, privateKeyPath: join(folder, 'key.pem'), passphrase };
  for (const name of ['', '../x', 'Company', 'a b']) {
    await t.rejects(newRecipient({ ...order, name }), { code: 'usage' }, name);
  }
  for (const weak of ['', 'short one', 'two\nlines that are long', 'x'.repeat(1024)]) {
    const error = await newRecipient({ ...order, passphrase: weak }).catch((thrown) => thrown);
    t.match(error, { code: 'usage' });
    t.notOk(weak !== '' && error.message.includes(weak));
  }
  t.same(readdirSync(folder), ['repository']);
});

t.test('lists recipients by name with the hosts that use them', async (t) => {
  const recipient = (name: string) => ({ name: RecipientName.parse(name), publicKey: plainKeyPair(3072).publicKey });
  const [escrow, company] = [recipient('escrow'), recipient('company')];
  const host = { name: HostName.parse('db1'), recipients: [company.name] } as unknown as HostConfig;
  const inventory: Inventory = {
    folder: '/inventory',
    hosts: new Map([[host.name, host]]),
    drillers: new Map(),
    recipients: new Map([escrow, company].map((each) => [each.name, each])),
    allowedSigners: '',
  };
  t.match(listRecipients(inventory), [
    { name: 'company', bits: 3072, hosts: ['db1'] },
    { name: 'escrow', bits: 3072, hosts: [] },
  ]);
  const weak = { ...escrow, publicKey: plainKeyPair(2048).publicKey };
  const wrong = { ...inventory, recipients: new Map([[weak.name, weak]]) };
  t.throws(() => listRecipients(wrong), { code: 'inventory', message: /escrow/ });
});

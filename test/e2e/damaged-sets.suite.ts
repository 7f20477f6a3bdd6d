import { cp, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import * as z from 'zod';
import { parseManifest } from '../../lib/audit/canonical.ts';
import { signManifest } from '../../lib/audit/sign.ts';
import { addAllowedSigner, ensureSigningKey, signingKeyPath } from '../../lib/audit/signing-key.ts';
import { query } from '../../lib/database/client.ts';
import { closingFiles, type RunForm } from '../../lib/flow/run-files.ts';
import type { Manifest } from '../../lib/model/manifest.ts';
import { HostName } from '../../lib/model/names.ts';
import { wrapPassphrase } from '../../lib/seal/envelope.ts';
import { Passphrase } from '../../lib/seal/passphrase.ts';
import { run } from '../../lib/system/command.ts';
import { makeFolder, sha256Of } from '../../lib/system/files.ts';
import { flipped } from '../fixture/damage.ts';
import { type DamagedSet, damagedSets, type Material, type Whole } from '../fixture/damaged-sets.ts';
import { EXPORT, OFFSITE, runsAt, STORE } from '../fixture/nothing-half-done.ts';
import { eventsOf, type TaskEvent } from '../fixture/task.ts';
import { worldFor } from '../fixture/world.ts';

/*
 * A hundred copies of a run, each with something wrong in it: a hundred refusals of a restore that would overwrite what is
 * there, which is untouched each time; and `verify` finds all that can be found without a key.
 *
 * The same hundred every time. Others: COFFRE_SEED=7 before the command.
 */

const COUNT = 100;
const SEED = Number(process.env.COFFRE_SEED ?? 20261122);

t.setTimeout(900_000);
// Two segments each in shop's archive and in the day archive.
const world = await worldFor(t, { shopRows: 20 });
await world.goodRun();
await world.goodRun();
const [older = '', newer = ''] = await runsAt(world, STORE);

const SIGNERS = 'signers/allowed_signers';

/** Another host with a signing key of its own, that backs up the same server. */
async function foreignHost(): Promise<string> {
  const inventory = await world.inventoryWith((host) => {
    host.store.path = world.at('db2/store');
    host.export.path = world.at('db2/export');
    Object.assign(host, { keys: { path: world.at('db2/keys') }, state: { path: world.at('db2/state') } });
    host.offsite = [];
  });
  await rename(join(inventory, 'hosts/db1.yaml'), join(inventory, 'hosts/db2.yaml'));
  for (const key of ['store', 'export', 'keys']) await makeFolder(world.at('db2', key));
  await makeFolder(world.at('db2/state'), 0o700);
  const name = HostName.parse('db2');
  const publicKey = await ensureSigningKey(world.at('db2/state'), name);
  // Each inventory has one of the two hosts; whoever has left may still have signed.
  await writeFile(join(inventory, SIGNERS), '');
  for (const each of [inventory, world.inventoryFolder]) await addAllowedSigner(each, name, publicKey);
  const both = await readFile(join(world.inventoryFolder, SIGNERS), 'utf8');
  await writeFile(join(world.inventoryFolder, SIGNERS), both.replace(/^db2 .*$/m, '$& retired'));
  await world.goodRun(inventory);
  const [only = ''] = await readdir(world.at('db2/export'));
  return only;
}
const foreign = await foreignHost();

const whole: Readonly<Record<RunForm, string>> = {
  store: world.at(STORE, newer),
  offsite: world.at(OFFSITE, newer),
};
const foreignFolders = { store: world.at('db2/store', foreign), offsite: world.at('db2/export', foreign) };
const olderFolders = { store: world.at(STORE, older), offsite: world.at(EXPORT, older) };
const OWN_STATE = world.at('host/var/lib/coffre');
const CLOSING = ['manifest.json', 'manifest.json.sig', 'SHA256SUMS', 'SHA256SUMS.sig'];

/** Another folder under this name. */
const replacedBy = (folders: Readonly<Record<RunForm, string>>, form: RunForm) => async (folder: string) => {
  await rm(folder, { recursive: true });
  await cp(folders[form], folder, { recursive: true });
};

const filesFrom = (from: string, isMeant: (name: string) => boolean) => async (folder: string) => {
  for (const name of (await readdir(from)).filter(isMeant)) await cp(join(from, name), join(folder, name));
};

/** Another manifest, signed with the key in `stateFolder`, and all that goes with it. */
const resigned =
  (form: RunForm, stateFolder: string, change: (manifest: Manifest, folder: string) => Promise<Manifest>) =>
  async (folder: string) => {
    const manifest = parseManifest(await readFile(join(folder, 'manifest.json')));
    const signed = await signManifest(await change(manifest, folder), stateFolder);
    for (const [name, content] of await closingFiles(signed, form, stateFolder)) {
      await writeFile(join(folder, name), content);
    }
  };

/** The envelope of a recipient holds something else, and the host vouches for it. */
const rewrapped = (form: RunForm, key: string, of: string) =>
  resigned(form, OWN_STATE, async (manifest, folder) => {
    const content = wrapPassphrase(key, Passphrase.random());
    await writeFile(join(folder, `${of}.key.enc`), content);
    const recipients = manifest.recipients.map((each) =>
      each.name === of ? { ...each, wrappedKey: { ...each.wrappedKey, sha256: sha256Of(content) } } : each,
    );
    return { ...manifest, recipients };
  });

const escrowKey = await readFile(world.at('inventory/recipients/escrow.pem'), 'utf8');
const without = (manifest: Manifest, name: string): Manifest => ({
  ...manifest,
  recipients: manifest.recipients.filter((each) => each.name !== name),
});

const wholes: readonly Whole[] = (['store', 'offsite'] as const).flatMap((form): Whole[] => [
  { form, kind: 'all of the older run', damage: replacedBy(olderFolders, form) },
  { form, kind: 'all of another host', damage: replacedBy(foreignFolders, form) },
  {
    form,
    kind: 'the manifest of the older run',
    damage: filesFrom(olderFolders[form], (name) => CLOSING.includes(name)),
  },
  {
    form,
    kind: 'the manifest of another host',
    damage: filesFrom(foreignFolders[form], (name) => CLOSING.includes(name)),
  },
  {
    form,
    kind: 'the data of the older run, side files and all',
    damage: filesFrom(olderFolders[form], (name) => !CLOSING.includes(name)),
  },
  {
    form,
    kind: 'the wrapped keys of the older run',
    damage: filesFrom(olderFolders[form], (name) => name.endsWith('.key.enc')),
  },
  { form, kind: 'signed by another host in its name', damage: resigned(form, world.at('db2/state'), async (m) => m) },
  {
    form,
    kind: 'signed by the host for something else than a backup',
    damage: async (folder) => {
      const key = signingKeyPath(OWN_STATE);
      const args = ['-Y', 'sign', '-n', 'git', '-f', key];
      const signed = await run('ssh-keygen', args, { input: await readFile(join(folder, 'manifest.json')) });
      if (signed.exitCode !== 0) throw new Error(signed.stderr);
      await writeFile(join(folder, 'manifest.json.sig'), signed.stdout);
    },
  },
  {
    form,
    kind: 'a digit of the manifest changed',
    damage: async (folder) => {
      const path = join(folder, 'manifest.json');
      await writeFile(path, (await readFile(path, 'utf8')).replace(/"sequence":\d+/, '"sequence":999'));
    },
  },
  {
    form,
    kind: "wrong recipient: the company's envelope is one for escrow",
    code: 'private-key',
    damage: rewrapped(form, escrowKey, 'company'),
  },
  {
    form,
    kind: 'wrong recipient: sealed for escrow alone',
    code: 'private-key',
    damage: resigned(form, OWN_STATE, async (manifest) => without(manifest, 'company')),
  },
  { form, kind: 'nothing in it', damage: async (folder) => rm(folder, { recursive: true }).then(() => mkdir(folder)) },
]);

const COMMON = ['manifest.json', 'manifest.json.sig', 'company.key.enc', 'escrow.key.enc'];
const sealed = (...names: string[]) => names.flatMap((name) => [name, `${name}.segments`]);
const material: Material = {
  older: olderFolders,
  foreign: foreignFolders,
  files: {
    store: [...COMMON, ...sealed('shop.tar.gz.enc', 'crm.tar.gz.enc', '@accounts.tar.gz.enc')],
    offsite: [...COMMON, ...sealed('encrypted.dat')],
  },
  wholes,
};
const sets = damagedSets(SEED, COUNT, material);

/** Where the damaged copies are put: what the inventory calls the store and so on, and a folder that somebody copied. */
const slot = world.at('slot');
const slotted = await world.inventoryWith((host) => {
  host.store.path = join(slot, 'store');
  host.export.path = join(slot, 'export');
  Object.assign(host.offsite[0] ?? {}, { path: join(slot, 'offsite') });
});
const PLACES = {
  store: { store: 'store', folder: `${slot}/folder` },
  offsite: { export: 'export', offsite: 'offsite:contractor', folder: `${slot}/folder` },
} as const;

/** Puts a whole copy into a place of its form, each in turn, and returns how to name that, and its folder. */
async function putInPlace(form: RunForm, turn: number): Promise<{ readonly from: string; readonly folder: string }> {
  const places = Object.entries(PLACES[form]);
  const [name, from] = places[turn % places.length] as [string, string];
  await rm(slot, { recursive: true, force: true });
  for (const each of ['store', 'export', 'offsite', 'folder']) await makeFolder(join(slot, each));
  const folder = join(slot, name, newer);
  await cp(whole[form], folder, { recursive: true });
  return { from, folder };
}

const Row = z.object({ n: z.string() });
/** Everything that a restore could change: rows, databases, accounts. */
async function target(): Promise<unknown> {
  const asked = [
    "SELECT JSON_OBJECT('n', SHA2(GROUP_CONCAT(SHA2(photo, 256) ORDER BY id), 256)) FROM shop.customer",
    "SELECT JSON_OBJECT('n', SHA2(GROUP_CONCAT(SHA2(photo, 256) ORDER BY id), 256)) FROM crm.customer",
    "SELECT JSON_OBJECT('n', SCHEMA_NAME) FROM information_schema.SCHEMATA ORDER BY SCHEMA_NAME",
    "SELECT JSON_OBJECT('n', SHA2(GROUP_CONCAT(Host, User, Priv ORDER BY Host, User), 256)) FROM mysql.global_priv",
    "SELECT JSON_OBJECT('n', CREATE_TIME) FROM information_schema.TABLES WHERE TABLE_SCHEMA IN ('shop', 'crm')",
  ];
  return await Promise.all(asked.map((sql) => query(world.server.root, sql, Row)));
}
const before = await target();
const overwrite = ['--overwrite', 'shop', '--overwrite', 'crm'];
const words = (from: string) => ['--json', '--from', from, '--run', newer];
const keyOf = (recipient: DamagedSet['recipient']) => ['--key', world.keys[recipient]];

const resultOf = (events: readonly TaskEvent[]) =>
  events.at(-1) as { readonly exitCode?: number; readonly error?: Record<string, unknown>; readonly data?: unknown };

async function refuse(t: Test, set: DamagedSet, turn: number): Promise<void> {
  const { from, folder } = await putInPlace(set.form, turn);
  await set.damage(folder);
  const [restored, verified] = await Promise.all([
    world.restore([...words(from), ...keyOf(set.recipient), ...overwrite], { inventory: slotted }),
    world.task('verify', words(from), { inventory: slotted }),
  ]);
  const events = eventsOf(restored);
  const { exitCode, error } = resultOf(events);
  t.equal(error?.code, set.code, JSON.stringify(error));
  t.equal(restored.exitCode, set.code === 'private-key' ? 8 : 5);
  t.equal(exitCode, restored.exitCode);
  t.match(error, { message: /^cannot /, hint: /./ });
  t.notOk(
    events.some(({ phase }) => phase === 'load'),
    'nothing was loaded',
  );
  t.strictSame(await target(), before, 'the target is untouched');
  const fits = set.code === 'private-key';
  t.equal(verified.exitCode, fits ? 0 : 5, `verify ${fits ? 'has no key to try' : 'finds it'}: ${verified.stdout}`);
}

t.test('every kind of file is damaged in some set, and every kind of damage is done', async (t) => {
  t.equal(sets.length, COUNT);
  const names = (made: readonly DamagedSet[]) => made.map(({ name }) => name);
  t.strictSame(names(damagedSets(SEED, COUNT, material)), names(sets), 'the same for the same seed');
  const files = new Set(sets.flatMap(({ form, file }) => (file === null ? [] : [`${form} ${file}`])));
  const kinds = new Set(sets.map(({ kind }) => kind));
  t.equal(files.size, 4 + 6 + 4 + 2, [...files].join('\n'));
  t.equal(kinds.size, wholes.length / 2 + 14, [...kinds].join('\n'));
});

sets.forEach((set, turn) => {
  t.test(`${turn + 1}: ${set.name}: refused, and nothing touched`, (t) => refuse(t, set, turn));
});

/** What a restore does not read keeps nobody from the data; the restore says so where somebody may type it, and verify finds it. */
const UNREAD: Readonly<Record<string, (content: Buffer) => Buffer>> = {
  'RECOVERY.txt': flipped,
  SHA256SUMS: flipped,
  'SHA256SUMS.sig': flipped,
  'escrow.key.enc': flipped,
  'manifest.json.sig': (content) => Buffer.concat([content, Buffer.from('\n')]),
};
for (const [turn, [file, spoil]] of Object.entries(UNREAD).entries()) {
  for (const form of ['store', 'offsite'] as const) {
    t.test(`${form}: ${file}: no reason to lose the data, and found`, async (t) => {
      const { from, folder } = await putInPlace(form, turn);
      await writeFile(join(folder, file), spoil(await readFile(join(folder, file))));
      const [planned, verified] = await Promise.all([
        world.restore([...words(from), '--dry-run', ...overwrite], { inventory: slotted }),
        world.task('verify', words(from), { inventory: slotted }),
      ]);
      t.equal(planned.exitCode, 0, planned.stdout);
      const warned = eventsOf(planned).some(({ event, text }) => event === 'warning' && text?.includes('RECOVERY.txt'));
      t.equal(warned, file === 'RECOVERY.txt');
      t.equal(verified.exitCode, 5, verified.stdout);
      t.match(resultOf(eventsOf(verified)).data, [{ copies: [{ findings: [{ file }] }] }]);
    });
  }
}

t.test('a key that is none of the recipients', async (t) => {
  const key = world.at('keys/stranger.pem');
  const made = await run('openssl', ['genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:3072', '-out', key]);
  t.equal(made.exitCode, 0);
  for (const form of ['store', 'offsite'] as const) {
    const { from } = await putInPlace(form, 0);
    const ended = await world.restore([...words(from), '--key', key, ...overwrite], { inventory: slotted });
    t.match(resultOf(eventsOf(ended)), { exitCode: 8, error: { code: 'private-key' } });
    t.strictSame(await target(), before);
  }
});

t.test('the same copies, whole, restore from every place', async (t) => {
  for (const form of ['store', 'offsite'] as const) {
    for (let turn = 0; turn < Object.keys(PLACES[form]).length; turn += 1) {
      const { from } = await putInPlace(form, turn);
      const ended = await world.restore([...words(from), ...overwrite], { inventory: slotted });
      t.equal(ended.exitCode, 0, `${from}: ${ended.stdout}`);
    }
  }
  t.not(JSON.stringify(await target()), JSON.stringify(before), 'what would have been seen, had it been touched');
});

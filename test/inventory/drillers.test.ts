import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import t from 'tap';
import { stringify } from 'yaml';
import { drillerSliceOf } from '../../lib/flow/driller-slice-of.ts';
import { drillerSliceFiles } from '../../lib/inventory/driller-slice.ts';
import { readInventory } from '../../lib/inventory/read.ts';
import { allowedSignersLine } from '../../lib/model/allowed-signers.ts';
import { CoffreError } from '../../lib/model/error.ts';
import type { HostName } from '../../lib/model/names.ts';
import { inventoryWith } from '../fixture/inventory.ts';

const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAmb1io0/PrkIy897b/5MdyTGDVCNGaat1oqCQgkDsq0';
const DRILLER = { hosts: ['db1'], schedule: '0 9 * * *', recipient: 'escrow' };

/** The example with `drillers/drill1.yaml`, and `change` made to it. */
async function withDriller(test: typeof t, change: Readonly<Record<string, unknown>> = {}, name = 'drill1') {
  const folder = await inventoryWith(test);
  await rm(join(folder, 'drillers'), { recursive: true });
  await mkdir(join(folder, 'drillers'));
  await writeFile(join(folder, `drillers/${name}.yaml`), stringify({ ...DRILLER, ...change }));
  return folder;
}

async function findingsIn(folder: string): Promise<readonly string[]> {
  try {
    await readInventory(folder);
  } catch (error) {
    if (error instanceof CoffreError && error.code === 'inventory') return error.findings;
    throw error;
  }
  return [];
}

t.test('a driller takes the audit repository of the hosts, and folders of its own', async (t) => {
  const folder = await withDriller(t as never);
  const { drillers, hosts } = await readInventory(folder);
  t.match(drillers.get('drill1' as HostName), {
    name: 'drill1',
    from: 'offsite',
    recipient: 'escrow',
    timezone: 'UTC',
    audit: hosts.get('db1' as HostName)?.audit,
    state: { path: '/var/lib/coffre-drill' },
    key: '/etc/coffre-drill/drill.pem',
    scheduler: { kind: 'cron', cronFile: '/etc/cron.d/coffre-drill' },
  });
});

/** A mistake, and what is said of it. */
const mistakes: Readonly<Record<string, readonly [Readonly<Record<string, unknown>>, RegExp]>> = {
  'an unknown host': [{ hosts: ['db9'] }, /^drillers\/drill1\.yaml:\d+:\d+ hosts\[0\]: there is no hosts\/db9\.yaml/],
  'a host twice': [{ hosts: ['db1', 'db1'] }, /hosts\[1\]: this host stands here twice/],
  'no host': [{ hosts: [] }, /hosts: expected at least 1/],
  'a recipient that the host does not seal for': [
    { recipient: 'third' },
    /hosts\[0\]: the backups of db1 are not sealed for third/,
  ],
  'a file that cron would ignore': [
    { scheduler: { cronFile: '/etc/cron.d/coffre.drill' } },
    /scheduler\.cronFile: it does not fit: cron ignores it/,
  ],
  'a copy that is none': [{ from: 'audit' }, /from: it does not fit: store, export, offsite/],
  'an offsite that the host does not have': [{ from: 'offsite:moon' }, /from: db1 has no offsite moon/],
  'a schedule that is none': [{ schedule: '@daily' }, /schedule: .*write the five fields/],
  'a time zone that is none': [{ timezone: 'Mars/Olympus' }, /timezone: there is no such time zone/],
  'a login for a stranger': [
    { logins: [{ host: 'db2', offsite: 'contractor' }] },
    /logins\[0\]\.host: this driller does not/,
  ],
  'a key in what is thrown away': [{ key: '/var/lib/coffre-drill/scratch/k.pem' }, /key: it stands in folder/],
  'a key that there is not, but almost': [{ foldr: '/x' }, /foldr: there is no such key; did you mean folder\?/],
  'a key of a host': [{ store: { path: '/x', mount: 'none' } }, /store: there is no such key/],
};

for (const [name, [change, says]] of Object.entries(mistakes)) {
  t.test(`says so: ${name}`, async (t) => {
    const folder = await withDriller(t as never, change);
    if (name.startsWith('a recipient')) {
      const { recipients } = await readInventory(await inventoryWith(t));
      await writeFile(join(folder, 'recipients/third.pem'), recipients.values().next().value?.publicKey ?? '');
    }
    const findings = await findingsIn(folder);
    t.equal(findings.length, 1, findings.join('\n'));
    t.match(findings[0], says);
  });
}

t.test('as long as the recipient has no key, nothing is asked of the hosts: provisioning makes it', async (t) => {
  t.strictSame(await findingsIn(await withDriller(t as never, { recipient: 'drill' })), []);
});

t.test('a driller has another name than any host, and a line among those who sign', async (t) => {
  const folder = await withDriller(t as never, {}, 'db2');
  t.match(await findingsIn(folder), [/drillers\/db2\.yaml.*a host has this name/]);
  const other = await withDriller(t as never);
  await mkdir(join(other, 'signers'), { recursive: true });
  await writeFile(join(other, 'signers/allowed_signers'), `${allowedSignersLine('drill1' as HostName, KEY)}\n`);
  t.strictSame(await findingsIn(other), []);
});

t.test('who demands drills is drilled by somebody', async (t) => {
  const folder = await inventoryWith(t);
  const file = join(folder, 'hosts/db2.yaml');
  await writeFile(file, `${await readFile(file, 'utf8')}drill: { maxAgeDays: 3 }\n`);
  t.match(await findingsIn(folder), [/hosts\/db2\.yaml: drills of this host are demanded, and no drillers/]);
});

t.test('on one machine a host and a driller share no folder', async (t) => {
  const { hosts } = await readInventory(await inventoryWith(t));
  const { ssh } = hosts.get('db1' as HostName) ?? {};
  t.strictSame(await findingsIn(await withDriller(t as never, { ssh })), [], 'they do not by themselves');
  const findings = await findingsIn(await withDriller(t as never, { ssh, state: { path: '/var/lib/coffre' } }));
  t.match(findings, [/state\.path: db1, on the same machine, has the same folder/]);
});

t.test('a driller reads from its slice what it needs, with the logins that are its own', async (t) => {
  const settings = { path: join(t.testdir(), 'etc') };
  const login = { host: 'db1', offsite: 'contractor', user: 'drill', path: '/runs' };
  const inventory = await readInventory(await withDriller(t as never, { settings, logins: [login] }));
  const driller = inventory.drillers.get('drill1' as HostName);
  if (!driller) throw new Error('there is no driller');
  const lines = ['drill1', 'db1', 'db2'].map((name) => `${allowedSignersLine(name as HostName, KEY)}\n`);
  const slice = drillerSliceOf(driller, { ...inventory, allowedSigners: lines.join('') });
  for (const [path, content] of drillerSliceFiles(slice)) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
  }
  const read = await readInventory(settings.path);
  t.strictSame([...read.drillers.values()], [driller]);
  t.strictSame([...read.hosts.keys()], ['db1']);
  t.match(read.hosts.get('db1' as HostName)?.offsite, [
    { name: 'contractor', user: 'drill', path: '/runs', identity: '/etc/coffre-drill/offsite_ed25519' },
  ]);
  t.equal(read.allowedSigners, lines.slice(0, 2).join(''), 'of nobody else');
  t.strictSame(drillerSliceOf(driller, read).hosts, slice.hosts, 'made again of itself, it is the same');
});

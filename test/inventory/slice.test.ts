import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import t from 'tap';
import { readInventory } from '../../lib/inventory/read.ts';
import { formerRecipients, sliceFiles } from '../../lib/inventory/slice.ts';
import { HostConfig } from '../../lib/model/inventory.ts';
import { HostName } from '../../lib/model/names.ts';
import type { Slice } from '../../lib/model/slice.ts';

const EXAMPLE = new URL('../../inventory/', import.meta.url).pathname;

/** A slice of the example's db1 whose files lie in `folder`. */
async function sliceIn(folder: string): Promise<Slice> {
  const inventory = await readInventory(EXAMPLE);
  const db1 = inventory.hosts.get(HostName.parse('db1'));
  if (!db1) throw new Error('the example has no db1');
  const host = { ...db1, settings: { path: join(folder, 'etc') }, keys: { path: join(folder, 'dec') } };
  return { host, recipients: [...inventory.recipients.values()], allowedSigners: inventory.allowedSigners };
}

async function write(slice: Slice): Promise<void> {
  for (const [path, content] of sliceFiles(slice)) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
  }
}

t.test('a host reads from its slice what the inventory says of it', async (t) => {
  const slice = await sliceIn(t.testdir());
  await write(slice);
  const read = await readInventory(slice.host.settings.path);
  t.strictSame([...read.hosts.values()], [slice.host]);
  t.strictSame([...read.recipients.values()], slice.recipients);
  t.equal(read.allowedSigners, slice.allowedSigners);
  t.strictSame(await formerRecipients(slice.host.settings.path), slice.host.recipients);
});

t.test('every field of a host has its place in the slice', async (t) => {
  const { host } = await sliceIn(t.testdir());
  t.ok(HostConfig.safeParse({ ...host, name: undefined }).success === false, 'the schema knows no name');
  const { name: _, ...config } = host;
  t.strictSame(HostConfig.parse(config), config);
});

t.test('another key in the place of a recipient is noticed', async (t) => {
  const slice = await sliceIn(t.testdir());
  await write(slice);
  const key = (name: string) => join(slice.host.keys.path, `${name}.pem`);
  await writeFile(key('company'), await readFile(key('escrow')));
  await t.rejects(readInventory(slice.host.settings.path), {
    code: 'inventory',
    message: /company.*another key than the inventory has/,
    hint: /provision\.ts/,
  });
  await writeFile(key('company'), 'nonsense');
  await t.rejects(readInventory(slice.host.settings.path), { code: 'inventory', message: /not a public key/ });
});

t.test('a slice that was altered is refused with its reason', async (t) => {
  const slice = await sliceIn(t.testdir());
  await write(slice);
  const path = join(slice.host.settings.path, 'host.yaml');
  const text = await readFile(path, 'utf8');
  await writeFile(path, `${text}surplus: 1\n`);
  await t.rejects(readInventory(slice.host.settings.path), { code: 'inventory', message: /surplus/ });
  await writeFile(path, '{');
  await t.rejects(readInventory(slice.host.settings.path), { code: 'inventory', message: /not YAML/ });
  t.strictSame(await formerRecipients(slice.host.settings.path), []);
});

t.test('without a slice there were no recipients', async (t) => {
  t.strictSame(await formerRecipients(t.testdir()), []);
});

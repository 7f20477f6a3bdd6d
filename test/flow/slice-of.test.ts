import { join } from 'node:path';
import t from 'tap';
import { sliceOf } from '../../lib/flow/slice-of.ts';
import { readInventory } from '../../lib/inventory/read.ts';
import { HostName } from '../../lib/model/names.ts';

const EXAMPLE = join(import.meta.dirname, '../../inventory');
const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAmb1io0/PrkIy897b/5MdyTGDVCNGaat1oqCQgkDsq0';
const line = (host: string, comment = '') => `${host} namespaces="coffre-manifest" ${KEY}${comment}\n`;

t.test(
  "a host's slice has the lines of its own signing keys, so that another host's key is no drift on it",
  async (t) => {
    const inventory = await readInventory(EXAMPLE);
    const host = inventory.hosts.get(HostName.parse('db1'));
    if (!host) throw new Error('the example has no db1');
    const signersOf = (allowedSigners: string) => sliceOf(host, { ...inventory, allowedSigners }).allowedSigners;
    const own = `${line('db1', ' retired')}${line('db1')}`;
    t.equal(signersOf(`# who may sign\n${own}`), own, 'the former one, too: old manifests are verified by it');
    t.equal(signersOf(`${line('db2')}${own}\n${line('db11')}`), own);
    t.equal(signersOf(line('db2')), '');
  },
);

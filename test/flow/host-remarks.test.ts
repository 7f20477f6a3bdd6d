import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { hostRemarks } from '../../lib/flow/host-remarks.ts';
import { sliceOf } from '../../lib/flow/slice-of.ts';
import { readInventory } from '../../lib/inventory/read.ts';
import { systemClock } from '../../lib/system/clock.ts';
import { inventoryWith } from '../fixture/inventory.ts';

t.test('--remove tells which keys stay, and who has to let them out', async (t) => {
  const folder = t.testdir();
  const inventory = await readInventory(await inventoryWith(t));
  const [host] = inventory.hosts.values();
  const [offsite] = host?.offsite ?? [];
  if (!host || !offsite) throw new Error('the example has a host with an offsite');
  const there = join(folder, 'offsite_ed25519');
  const never = join(folder, 'never_made');
  const slice = sliceOf(
    {
      ...host,
      state: { path: join(folder, 'state') },
      offsite: [{ ...offsite, identity: there }],
      audit: { kind: 'git', remote: 'git@git.example.net:audit.git', branch: 'main', identity: never },
    },
    inventory,
  );
  const order = { slice, desired: 'absent', apply: true, accountOrder: null, farEnds: false } as const;
  const remarks = () => hostRemarks({ ...order, otherFolders: {}, controlTimeMs: Date.now() }, systemClock);
  t.strictSame(await remarks(), [], 'nothing is there');
  await writeFile(there, 'a key');
  t.strictSame(await remarks(), [
    {
      text: `${there} stays, a key that still logs in to the offsite ${offsite.name}`,
      hint: `have it let out there (at a contractor: the line coffre:${host.name}), then: rm ${there} ${there}.pub`,
    },
  ]);
  await writeFile(never, 'a key');
  t.match(await remarks(), [{}, { text: `${never} stays, a key that still logs in to the audit repository` }]);
});

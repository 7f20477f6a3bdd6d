import t from 'tap';
import { assertRoom } from '../../lib/flow/assert-room.ts';
import type { Emit } from '../../lib/model/event.ts';
import type { HostConfig, Inventory } from '../../lib/model/inventory.ts';
import { signerOf } from '../fixture/signer.ts';
import { smallRun } from '../fixture/small-run.ts';

const folder = t.testdir({ store: {}, export: {}, empty: {} });
const signer = await signerOf(t, 'db1');
const runs = [];
for (const day of [20, 21, 22]) {
  const each = await smallRun(signer, new Date(`2026-11-${day}T04:00:00Z`));
  await each.write(`${folder}/store`, 'store');
  runs.push(each.signed.manifest);
}
const took = (runs.at(-1)?.archives ?? []).reduce((sum, { sealedBytes }) => sum + sealedBytes, 0);
const exported = runs.at(-1)?.dayArchive?.sealedBytes ?? 0;
const inventory = { allowedSigners: signer.line } as Inventory;

/** What is told when so many bytes are free. */
async function look(free: { store: number; export?: number }, reserve = { runs: 7, factor: 1.2 }, store = 'store') {
  const told: string[] = [];
  const emit: Emit = (event) => {
    if (event.kind === 'warning') told.push(`${event.text}; ${event.hint}`);
  };
  const host = {
    name: 'db1',
    store: { path: `${folder}/${store}`, mount: 'none', reserve },
    export: { path: `${folder}/export` },
  } as unknown as HostConfig;
  const freeAt = async (path: string) => (path.endsWith('/export') ? (free.export ?? 1e12) : free.store);
  await assertRoom(host, { inventory, emit }, freeAt);
  return told;
}

t.test(
  'a run does not begin where the store has less room than the largest of the last ones took, and some more',
  async (t) => {
    t.same(await look({ store: took * 10 }), []);
    await t.rejects(look({ store: took * 1.1 }), {
      code: 'no-space',
      exitCode: 4,
      message:
        /^cannot begin a run: the store .* has .* free, and a run takes up to .* \(by the last 3\): store.reserve asks for /,
      hint: /df -h .*retention\.store/,
    });
    await t.rejects(look({ store: took * 3 }, { runs: 1, factor: 4 }), { message: /by the last 1/ });
  },
);

t.test('it is told while there is still room for one run', async (t) => {
  t.match(await look({ store: took * 2 }), [/there is room for this run, not for another; free space/]);
});

t.test('an export without room is told, and keeps no run from its work', async (t) => {
  t.match(await look({ store: took * 10, export: exported - 1 }), [
    /^the export .* may have to do without it; .*df -h/,
  ]);
});

t.test('nobody looks where the inventory says so, or where there is no run yet', async (t) => {
  t.same(await look({ store: 0 }, { runs: 7, factor: 0 }), []);
  t.same(await look({ store: 0 }, undefined, 'empty'), []);
});

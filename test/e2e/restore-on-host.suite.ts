import { createPrivateKey } from 'node:crypto';
import t from 'tap';
import { CoffreError } from '../../lib/model/error.ts';
import type { FlowEvent } from '../../lib/model/event.ts';
import { flipped, whileDamaged } from '../fixture/damage.ts';
import { OFFSITE, STORE } from '../fixture/nothing-half-done.ts';
import { whyNoProvisioning } from '../fixture/provisioned-world.ts';
import { comparedBy, restoreWorld } from '../fixture/restore-world.ts';
import { plainKeyPair } from '../seal/keys.ts';

/* What can be wrong with a restore that control orders, and every way of a copy to the host that needs it. */

t.setTimeout(600_000);
const overwrite = ['--overwrite=shop', '--overwrite=crm'];

t.test('a restore that control orders', { skip: whyNoProvisioning() }, async (t) => {
  const { world, inventoryFolder, run, sshd, empty, elsewhere, content } = await restoreWorld(t);
  const before = await content(world.server.root);
  const notes: string[] = [];
  const emit = (event: FlowEvent) => {
    if (event.kind === 'note') notes.push(`${event.subject}: ${event.text}`);
  };

  await t.test('what is wrong ends as if it had been typed there', async (t) => {
    await t.rejects(elsewhere('db1', [], { from: 'offsite:nobody' }), { code: 'usage', exitCode: 2 });
    await t.rejects(elsewhere('db1', ['--database=nothing']), { code: 'not-found', exitCode: 2 });
    const privateKey = createPrivateKey(plainKeyPair().privateKey);
    await t.rejects(elsewhere('db1', overwrite, { privateKey }), { code: 'private-key', exitCode: 8 });
    await whileDamaged(world.at(STORE, run, 'crm.tar.gz.enc'), flipped, async () => {
      await t.rejects(elsewhere('db1', overwrite, { from: 'store' }), { code: 'verification-failed', exitCode: 5 });
    });
    t.strictSame(await content(world.server.root), before);
    const none = await world.restore(['db1', '--on', 'db9'], { inventory: inventoryFolder });
    t.equal(none.exitCode, 2);
    t.match(none.stderr, /cannot find the host "db9"/);
  });

  await t.test('what comes to another host is verified there', async (t) => {
    await whileDamaged(world.at(STORE, run, 'shop.tar.gz.enc'), flipped, async () => {
      await t.rejects(elsewhere('db2', [], { from: 'store' }), { code: 'verification-failed', exitCode: 5 });
      t.strictSame(await content(empty.root), {}, 'nothing was loaded');
    });
    await whileDamaged(world.at(STORE, run, 'manifest.json'), flipped, async () => {
      await t.rejects(elsewhere('db2', [], { from: 'store' }), { code: 'verification-failed', exitCode: 5 });
      t.strictSame(comparedBy((await elsewhere('db2', [], { emit })).data), ['crm', 'shop']);
      t.match(notes.join('\n'), /is read from export of db1; not from a nearer one: cannot trust the manifest/);
    });
    t.strictSame(await content(empty.root), before);
  });

  await t.test('a folder, at control or on the host', async (t) => {
    for (const from of [`control:${world.at(OFFSITE)}`, world.at(OFFSITE, run)]) {
      t.strictSame(comparedBy((await elsewhere('db2', overwrite, { from })).data), ['crm', 'shop'], from);
    }
    await t.rejects(elsewhere('db2', overwrite, { from: `control:${world.at('audit.git')}` }), { code: 'not-found' });
    t.strictSame(await content(empty.root), before);
  });

  await t.test(
    'names that are hashed in the run are known where it is restored, and to whoever asks for them',
    async (t) => {
      await world.goodRun(
        await world.inventoryWith((host) => {
          host.names = 'hashed';
        }),
      );
      const restored = await elsewhere('db2', ['--database=shop', '--overwrite=shop'], { from: 'store' });
      t.strictSame(comparedBy(restored.data), ['shop']);
      t.not((restored.data as { plan: { run: string } }).plan.run, run, 'it is the new run');
      t.strictSame(await content(empty.root), before);
    },
  );

  await t.test('the first host is gone: control reads the offsite with a key of its own', async (t) => {
    await sshd.db1.stop();
    notes.length = 0;
    const wish = { emit, offsiteIdentity: world.contractor.identityPath };
    const restored = await elsewhere('db2', overwrite, wish);
    t.strictSame(comparedBy(restored.data), ['crm', 'shop']);
    const told = /[0-9TZ-]+ is read from offsite:contractor; not from a nearer one: cannot reach /;
    t.match(notes.join('\n'), told);
    await t.rejects(elsewhere('db2', overwrite, { from: 'export' }), { code: 'host-unreachable', exitCode: 7 });
    await t.rejects(elsewhere('db1', overwrite), { code: 'host-unreachable', exitCode: 7 });
  });

  await t.test('interrupted before it begins', async (t) => {
    const signal = AbortSignal.abort(new CoffreError('interrupted', 'restore was interrupted'));
    await t.rejects(elsewhere('db2', overwrite, { from: world.at(OFFSITE), signal }), { code: 'interrupted' });
  });
});

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { CoffreError } from '../../lib/model/error.ts';
import type { FlowEvent } from '../../lib/model/event.ts';
import { flipped, whileDamaged } from '../fixture/damage.ts';
import { OFFSITE, STORE } from '../fixture/nothing-half-done.ts';
import { type ProcessWatch, watchProcesses } from '../fixture/process-watch.ts';
import { whyNoProvisioning } from '../fixture/provisioned-world.ts';
import { restoreWorld } from '../fixture/restore-world.ts';
import { eventsOf } from '../fixture/task.ts';
import { MARKER } from '../fixture/world.ts';

/*
 * An operator at control has a host restore: of its own copies, or of those of another host. The private key stays at
 * control; of the passphrase of the run nothing is to be seen anywhere on the way.
 */

t.setTimeout(300_000);
const overwrite = ['--overwrite=shop', '--overwrite=crm'];

t.test('a restore that control orders', { skip: whyNoProvisioning() }, async (t) => {
  const { world, inventoryFolder, run, passphrase, sshd, empty, elsewhere, content } = await restoreWorld(t);
  const before = await content(world.server.root);
  const notes: string[] = [];
  const emit = (event: FlowEvent) => {
    if (event.kind === 'note') notes.push(`${event.subject}: ${event.text}`);
  };

  await t.test(
    'the host gets the passphrase of the run on its standard input, and nowhere else is it seen',
    async (t) => {
      let watch: ProcessWatch | undefined;
      let watchControl: ProcessWatch | undefined;
      const seenIn: string[] = [];
      const uploads: string[] = [];
      const ended = await world.restore(
        ['db1', '--on', 'db1', '--from', 'offsite:contractor', ...overwrite, '--json'],
        {
          inventory: inventoryFolder,
          onEvent: ({ phase }, { pid }) => {
            watch ??= watchProcesses(sshd.db1.pid);
            watchControl ??= watchProcesses(pid);
            if (phase !== 'load') return;
            uploads.push(...readdirSync('/var/tmp').filter((name) => name.startsWith('coffre-upload.')));
            seenIn.push(...filesWith(passphrase, [world.folder, ...uploads.map((name) => join('/var/tmp', name))]));
          },
        },
      );
      t.equal(ended.exitCode, 0, ended.stdout + ended.stderr);
      const seen = [watch?.end(), watchControl?.end()].flatMap((one) => [
        ...(one?.commands ?? []),
        ...(one?.environments ?? []),
      ]);
      const told = [ended.stdout, ended.stderr, ...seen];
      t.ok(
        seen.some((text) => text.includes('restore.mjs\0')),
        'the agent was seen',
      );
      t.ok(
        seen.some((text) => text.includes('mariadb\0')),
        'and what it runs',
      );
      t.ok(uploads.length > 0, 'and looked through while it ran');
      for (const secret of [passphrase, Buffer.from(passphrase).toString('base64').slice(0, 80), world.keys.passphrase])
        t.notOk(told.some((text) => text.includes(secret)));
      t.notOk(
        told.some((text) => text.includes(MARKER)),
        'no row either',
      );
      t.strictSame([...seenIn, ...filesWith(passphrase, [world.folder])], []);
      t.match(eventsOf(ended).at(-1), {
        ...{ event: 'result', exitCode: 0 },
        data: { plan: { run, archives: { length: 3 } }, compared: ['crm', 'shop'] },
      });
      const kinds = [...new Set(eventsOf(ended).map(({ event }) => event))];
      t.strictSame(
        kinds.filter((kind) => kind === 'question'),
        [],
        'what the agent asks is for control alone',
      );
      const said = eventsOf(ended).map(({ text }) => text);
      t.ok(said.some((text) => text?.includes(`${run} is signed by db1: its passphrase, and no other, is given`)));
      t.strictSame(await content(world.server.root), before);
    },
  );

  await t.test('a plan, a refusal, a wrong word: as if it had been typed there', async (t) => {
    const planned = await elsewhere('db1', ['--dry-run', '--overwrite=shop']);
    t.match(planned, { exitCode: 8, data: { plan: { drops: ['crm', 'shop'], refused: ['crm'] } } });
    t.match(planned.text, /REFUSE: it is there/);
    const refused = { code: 'refused', exitCode: 8, hint: '--overwrite crm' };
    await t.rejects(elsewhere('db1', ['--overwrite=shop']), { ...refused, hint: /--overwrite crm/ });
    await t.rejects(elsewhere('db1', [], { from: 'offsite:nobody' }), { code: 'usage', exitCode: 2 });
    await t.rejects(elsewhere('db1', ['--database=nothing']), { code: 'not-found', exitCode: 2 });
    await whileDamaged(world.at(STORE, run, 'crm.tar.gz.enc'), flipped, async () => {
      await t.rejects(elsewhere('db1', overwrite), { code: 'verification-failed', exitCode: 5 });
    });
    t.strictSame(await content(world.server.root), before);
    const none = await world.restore(['db1', '--on', 'db9'], { inventory: inventoryFolder });
    t.equal(none.exitCode, 2);
    t.match(none.stderr, /cannot find the host "db9"/);
  });

  await t.test(
    'another host: control reads the store of the first one for it, and the host verifies what comes',
    async (t) => {
      await whileDamaged(world.at(STORE, run, 'shop.tar.gz.enc'), flipped, async () => {
        await t.rejects(elsewhere('db2', [], { from: 'store' }), { code: 'verification-failed', exitCode: 5 });
        t.strictSame(await content(empty.root), {}, 'nothing was loaded');
      });
      notes.length = 0;
      const restored = await elsewhere('db2', [], { emit });
      t.match(restored, { exitCode: 0, data: { compared: ['crm', 'shop'] } });
      t.match(restored.text, new RegExp(`restored ${run} of store of db1, ${run}, through control`));
      t.ok(notes.includes(`db1: ${run} is read from store of db1`), notes.join('\n'));
      t.strictSame(await content(empty.root), before);
    },
  );

  await t.test('the first host is gone: control reads the offsite with a key of its own', async (t) => {
    await sshd.db1.stop();
    notes.length = 0;
    const wish = { emit, offsiteIdentity: world.contractor.identityPath };
    const restored = await elsewhere('db2', overwrite, wish);
    t.match(restored, { exitCode: 0, data: { compared: ['crm', 'shop'] } });
    t.match(
      notes.join('\n'),
      new RegExp(`${run} is read from offsite:contractor; not from a nearer one: cannot reach `),
    );
    await t.rejects(elsewhere('db2', overwrite, { from: 'export' }), { code: 'host-unreachable', exitCode: 7 });
  });

  await t.test('a folder, at control or on the host, and one that has another run', async (t) => {
    for (const from of [`control:${world.at(OFFSITE)}`, world.at(OFFSITE, run)]) {
      t.match(await elsewhere('db2', overwrite, { from }), { exitCode: 0, data: { compared: ['crm', 'shop'] } }, from);
    }
    await t.rejects(elsewhere('db2', overwrite, { from: `control:${world.at('audit.git')}` }), { code: 'not-found' });
    t.strictSame(await content(empty.root), before);
  });

  await t.test('interrupted before it begins, and an agent that was ordered by nobody', async (t) => {
    const signal = AbortSignal.abort(new CoffreError('interrupted', 'restore was interrupted'));
    await t.rejects(elsewhere('db2', overwrite, { from: world.at(OFFSITE), signal }), { code: 'interrupted' });
    const alone = await world.task('restore', ['db1', '--attended'], { input: 'no order\n' });
    t.equal(alone.exitCode, 2);
    t.match(alone.stderr, /cannot read the order on standard input\nhint: leave out --attended/);
  });
});

/** Files below these folders with the text in them, but for a server's own data. */
function filesWith(text: string, folders: readonly string[]): string[] {
  return folders.flatMap((folder) => {
    const names = readdirSync(folder, { recursive: true }) as string[];
    const paths = names.filter((name) => !/\/mysql\/data\//.test(`/${name}`)).map((name) => join(folder, name));
    return paths.filter((path) => {
      const stats = statSync(path, { throwIfNoEntry: false });
      return stats?.isFile() === true && stats.size < 50_000_000 && readFileSync(path).includes(text);
    });
  });
}

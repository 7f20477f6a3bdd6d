import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { asideName } from '../../lib/database/aside.ts';
import { execute } from '../../lib/database/client.ts';
import { moveAside } from '../../lib/database/move-aside.ts';
import { DatabaseName } from '../../lib/model/names.ts';
import { flipped, whileDamaged } from '../fixture/damage.ts';
import { STORE } from '../fixture/nothing-half-done.ts';
import { type ProcessWatch, watchProcesses } from '../fixture/process-watch.ts';
import { whyNoProvisioning } from '../fixture/provisioned-world.ts';
import { adminOf, comparedBy, restoreWorld } from '../fixture/restore-world.ts';
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
      const copies = filesWith(run, [world.folder]);
      t.ok(
        copies.some((path) => path.endsWith('manifest.json')),
        'by a search that finds what is there',
      );
      for (const secret of [passphrase, Buffer.from(passphrase).toString('base64').slice(0, 80), world.keys.passphrase])
        t.notOk(told.some((text) => text.includes(secret)));
      t.notOk(
        told.some((text) => text.includes(MARKER)),
        'no row either',
      );
      t.strictSame([...seenIn, ...filesWith(passphrase, [world.folder])], []);
      const result = eventsOf(ended).at(-1);
      t.match(result, { event: 'result', exitCode: 0, data: { plan: { run, archives: { length: 3 } } } });
      t.strictSame(comparedBy(result?.data), ['crm', 'shop']);
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

  await t.test('what it is not allowed to do is refused over there, and nothing is done', async (t) => {
    const planned = await elsewhere('db1', ['--dry-run', '--overwrite=shop']);
    t.match(planned, { exitCode: 8, data: { plan: { refused: ['crm'] } } });
    t.match(planned.text, /REFUSE: it is there/);
    const refused = { code: 'refused', exitCode: 8, hint: /--overwrite crm/ };
    await t.rejects(elsewhere('db1', ['--overwrite=shop']), refused);
    t.strictSame(await content(world.server.root), before);
  });

  await t.test('another host gets it too: control reads the store of the first one for it', async (t) => {
    const restored = await elsewhere('db2', []);
    t.equal(restored.exitCode, 0);
    t.strictSame(comparedBy(restored.data), ['crm', 'shop']);
    t.match(restored.text, new RegExp(`restored ${run} of store of db1, ${run}, through control`));
    t.strictSame(await content(empty.root), before);
  });

  await t.test('where the copy that control reads first turns out damaged, the host takes the next one', async (t) => {
    const told: string[] = [];
    await whileDamaged(world.at(STORE, run, 'shop.tar.gz.enc'), flipped, async () => {
      const restored = await elsewhere('db2', overwrite, {
        emit: (event) => {
          if (event.kind === 'warning') told.push(event.text);
        },
      });
      t.match(restored, {
        exitCode: 0,
        data: {
          copies: [
            { place: 'store of db1', verdict: /shop\.tar\.gz\.enc: segment \d of \d differs/ },
            { place: 'export of db1', verdict: 'taken' },
            { place: 'offsite:contractor', verdict: 'is farther away' },
          ],
        },
      });
    });
    t.match(told, [/^the copy in store of db1 is not taken: /]);
    t.strictSame(await content(empty.root), before);
    const refused = { code: 'refused', exitCode: 8, hint: /--overwrite/ };
    await t.rejects(elsewhere('db2', []), refused, 'what is said of the server is not said of a copy');
  });

  await t.test(
    'an old database over there is put back without any key, and what is said is said for control',
    async (t) => {
      const SHOP = DatabaseName.parse('shop');
      const aside = { name: asideName(SHOP, new Date()), database: SHOP, run };
      await moveAside(empty.root, aside);
      const words = ['db1', '--on', 'db2', `--defaults-file=${adminOf(world)}`, '--put-back', 'shop'];
      const putBack = () => world.task('restore', words, { inventory: inventoryFolder });
      await execute(empty.root, 'CREATE DATABASE shop; CREATE TABLE shop.todays (a INT)');
      const refused = await putBack();
      t.equal(refused.exitCode, 8, refused.stderr);
      const full = `npx zx tasks/restore.ts db1 --inventory ${inventoryFolder} --on db2 --defaults-file ${adminOf(world)} --put-back shop --drop-first shop`;
      t.ok(refused.stderr.includes(`: ${full}\n`), refused.stderr);
      await execute(empty.root, 'DROP DATABASE shop');
      const back = await putBack();
      t.equal(back.exitCode, 0, back.stderr);
      t.match(back.stdout, /^shop +shop__coffre_old_/m);
      t.strictSame(await content(empty.root), before);
    },
  );

  await t.test('an agent that was ordered by nobody does nothing', async (t) => {
    const alone = await world.task('restore', ['db1', '--attended'], { input: 'no order\n' });
    t.equal(alone.exitCode, 2);
    t.match(alone.stderr, /cannot read the order on standard input\nhint: leave out --attended/);
  });
});

/** Files below these folders with the text in them, but for a server's own data. What others make may go away meanwhile. */
function filesWith(text: string, folders: readonly string[]): string[] {
  const tried = <T>(look: () => T, otherwise: T): T => {
    try {
      return look();
    } catch {
      return otherwise;
    }
  };
  return folders.flatMap((folder) => {
    const names = tried(() => readdirSync(folder, { recursive: true }) as string[], []);
    const paths = names.filter((name) => !/\/mysql\/data\//.test(`/${name}`)).map((name) => join(folder, name));
    return paths.filter((path) => tried(() => statSync(path).isFile() && readFileSync(path).includes(text), false));
  });
}

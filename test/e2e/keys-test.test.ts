import { readdirSync, statSync } from 'node:fs';
import { copyFile, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { flipped, whileDamaged } from '../fixture/damage.ts';
import { EXPORT, OFFSITE, STORE } from '../fixture/nothing-half-done.ts';
import { whyNoProvisioning } from '../fixture/provisioned-world.ts';
import { restoreWorld } from '../fixture/restore-world.ts';
import { eventsOf } from '../fixture/task.ts';
import { plainKeyPair } from '../seal/keys.ts';

/* Whether a private key opens the newest run of each host, from wherever a copy is left, without anything being written. */

t.setTimeout(300_000);

t.test('a key that is tested', { skip: whyNoProvisioning() }, async (t) => {
  const { world, inventoryFolder, run, sshd } = await restoreWorld(t);
  const input = `${world.keys.passphrase}\n`;
  const key = ['--private-key', world.keys.company, '--passphrase-fd', '0'];
  const test = (words: readonly string[], options = {}) =>
    world.task('keys', ['test', ...key, ...words], { input, inventory: inventoryFolder, ...options });
  const archives = () => readdirSync(world.at(STORE, run)).filter((name) => name.endsWith('.tar.gz.enc'));
  /** Damages every archive of the store, and the day archive of the export, as far as they are named. */
  const whileStoreDamaged = (act: () => Promise<void>) =>
    archives().reduce<() => Promise<void>>(
      (inner, name) => () => whileDamaged(world.at(STORE, run, name), flipped, inner),
      act,
    )();

  await t.test('opens the run over SSH, and leaves all as it was', async (t) => {
    const before = listing(world.folder);
    const { exitCode, stdout, stderr } = await test(['db1']);
    t.equal(exitCode, 0, stdout + stderr);
    t.match(stdout, new RegExp(`^db1 +${run} +store of db1 +company +opens$`, 'm'));
    t.match(stdout, /^key and passphrase open the newest run of 1 of 1 host; nothing was written$/m);
    t.strictSame(listing(world.folder), before);
  });

  await t.test('opens it from a folder of this machine, each offsite, and a copy without the inventory', async (t) => {
    for (const words of [
      ['db1', '--here'],
      ['db1', '--from', 'offsite:contractor'],
      ['db1', '--from', 'export'],
      ['db1', '--from', world.at(OFFSITE)],
      ['--from', world.at(EXPORT, run), '--signers', join(inventoryFolder, 'signers/allowed_signers')],
    ]) {
      const { exitCode, stdout, stderr } = await test(words);
      t.equal(exitCode, 0, stdout + stderr);
      t.match(stdout, /^db1 .* opens$/m);
    }
  });

  await t.test('takes the next copy where one is damaged, and says so with its exit code', async (t) => {
    await whileStoreDamaged(async () => {
      const { exitCode, stdout } = await test(['db1', '--here', '--json']);
      t.equal(exitCode, 5);
      const { data } = eventsOf({ exitCode, stdout, stderr: '' }).at(-1) as { data?: unknown };
      t.match(data, [
        { opened: { place: 'export' }, rejected: [{ place: 'store', message: /segment 1 of 1 differs/ }], error: null },
      ]);
      const only = await test(['db1', '--here', '--from', 'store']);
      t.equal(only.exitCode, 5);
      t.match(only.stdout, /^db1 .* DAMAGED$/m);
    });
    await whileDamaged(world.at(STORE, run, 'company.key.enc'), flipped, async () => {
      const { exitCode, stdout } = await test(['db1', '--here', '--from', 'store']);
      t.equal(exitCode, 5);
      t.match(stdout, /company\.key\.enc .*its digest differs/);
    });
  });

  await t.test('a wrong passphrase, and a key of nobody, are told as that', async (t) => {
    const typo = await test(['db1'], { input: 'not the passphrase\n' });
    t.equal(typo.exitCode, 8);
    t.match(typo.stderr, /the passphrase is wrong/);
    const stranger = world.at('stranger.pem');
    await writeFile(stranger, plainKeyPair(3072).privateKey, { mode: 0o600 });
    const { exitCode, stdout } = await world.task('keys', ['test', 'db1', '--here', '--private-key', stranger], {
      inventory: inventoryFolder,
    });
    t.equal(exitCode, 8);
    t.match(stdout, /^db1 .* DOES NOT OPEN$/m);
    t.match(stdout, /this private key is none of its recipients'/);
    t.match(stdout, /the recipients on record have other keys \(company, escrow\)/);
  });

  await t.test('an envelope that is sound, and of another passphrase, does not pass', async (t) => {
    // Nobody but a host that is broken makes this: the manifest vouches for what it says.
    const copy = world.at('other');
    t.equal((await world.task('backup', [])).exitCode, 0);
    const [older = '', newer = ''] = readdirSync(world.at(STORE)).filter((name) => !name.startsWith('.'));
    await copyFile(world.at(STORE, older, 'company.key.enc'), copy);
    await whileDamaged(
      world.at(STORE, newer, 'company.key.enc'),
      () => Buffer.from('x'),
      async () => {
        await copyFile(copy, world.at(STORE, newer, 'company.key.enc'));
        t.equal((await test(['db1', '--here', '--from', 'store'])).exitCode, 5);
      },
    );
    t.match((await test(['db1', '--here', '--run', older])).stdout, new RegExp(`^db1 +${older} .* opens$`, 'm'));
    t.match((await test(['db1', '--here'])).stdout, new RegExp(`^db1 +${newer} .* opens$`, 'm'));
  });

  await t.test('says that a key on record is not this one, though it opens what there is', async (t) => {
    const path = join(inventoryFolder, 'recipients/company.pem');
    await rename(path, world.at('kept.pem'));
    await writeFile(path, plainKeyPair(3072).publicKey);
    const { exitCode, stdout } = await test(['db1', '--here']);
    await rename(world.at('kept.pem'), path);
    t.equal(exitCode, 0);
    t.match(
      stdout,
      /^db1: the recipients on record have other keys .*: runs from now on are not sealed for this one$/m,
    );
  });

  await t.test('of several hosts, one that has no run and one that is out of reach', async (t) => {
    await sshd.db2.stop();
    const { exitCode, stdout } = await test(['--all']);
    t.equal(exitCode, 7, stdout);
    t.match(stdout, /^db1 .* opens$/m);
    t.match(stdout, /^db2 +- +- +- +NOT TRIED$/m);
    t.match(stdout, /^KEY AND PASSPHRASE OPEN ONLY the newest run of 1 of 2 hosts/m);
  });

  await t.test('refuses what it cannot mean', async (t) => {
    t.match(await world.task('keys', ['test', 'db1']), { exitCode: 2, stderr: /--private-key/ });
    t.match(await test(['db9']), { exitCode: 2, stderr: /cannot find the host "db9"/ });
    t.match(await test(['db1', '--from', 'stor']), { exitCode: 2, stderr: /cannot read from "stor"/ });
    t.match(await test(['db1', '--private-key', '/nonexistent.pem']), { exitCode: 2, stderr: /nonexistent/ });
    t.equal(await readFile(world.keys.company, 'utf8').then((text) => text.includes('ENCRYPTED')), true);
  });
});

/** Every file below a folder, with its size and the time of its last change; but for what servers write by themselves. */
function listing(folder: string): readonly string[] {
  return (readdirSync(folder, { recursive: true }) as string[])
    .filter((name) => !/^(host2?\/(mysql|sshd)|offsite\/sshd)(\/|$)/.test(name))
    .map((name) => {
      const { size, mtimeMs, mode } = statSync(join(folder, name));
      return `${name} ${size} ${mtimeMs} ${mode}`;
    })
    .sort();
}

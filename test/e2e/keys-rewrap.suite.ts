import { cpSync, existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parse, stringify } from 'yaml';
import { run as runProgram } from '../../lib/system/command.ts';
import { cachedKeyPair } from '../fixture/cached-key-pair.ts';
import { flipped, whileDamaged } from '../fixture/damage.ts';
import { EXPORT, OFFSITE, runsAt, STORE } from '../fixture/nothing-half-done.ts';
import { whyNoProvisioning } from '../fixture/provisioned-world.ts';
import { restoreWorld } from '../fixture/restore-world.ts';

/* Somebody becomes a recipient of a run that is sealed and signed already, wherever copies of it are: nothing of it is changed. */

t.setTimeout(300_000);

t.test('an envelope that is added later', { skip: whyNoProvisioning() }, async (t) => {
  const { world, inventoryFolder, run } = await restoreWorld(t);
  const secret = world.keys.passphrase;
  const auditor = await cachedKeyPair('auditor', secret);
  writeFileSync(join(inventoryFolder, 'recipients/auditor.pem'), auditor.publicKey);
  writeFileSync(world.at('auditor.pem'), auditor.privateKey, { mode: 0o600 });
  const options = { input: `${secret}\n`, inventory: inventoryFolder };
  const keys = (verb: string, words: readonly string[], key = world.keys.company) =>
    world.task('keys', [verb, 'db1', '--private-key', key, '--passphrase-fd', '0', ...words], options);
  const rewrap = (words: readonly string[] = []) => keys('rewrap', ['--recipient', 'auditor', ...words]);
  const test = (words: readonly string[]) => keys('test', words, world.at('auditor.pem'));
  const places = [STORE, EXPORT, OFFSITE];
  const files = (place: string) =>
    new Map(readdirSync(world.at(place, run)).map((name) => [name, readFileSync(world.at(place, run, name))]));
  const before = places.map(files);
  const envelope = (place: string) => [...files(place).keys()].find((name) => name.startsWith('auditor-')) ?? '';

  await t.test('comes to every copy, over SSH, by SFTP, and changes nothing else there', async (t) => {
    t.match(await test([]), { exitCode: 8 }, 'nobody opens it that has no envelope');
    const { exitCode, stdout, stderr } = await rewrap();
    t.equal(exitCode, 0, stdout + stderr);
    for (const place of ['store', 'export', 'offsite:contractor']) {
      t.match(stdout, new RegExp(`^db1 +${place} +1 +0 +-$`, 'm'));
    }
    for (const [index, place] of places.entries()) {
      const after = files(place);
      t.match(envelope(place), /^auditor-[0-9a-f]{16}\.key\.enc$/);
      after.delete(envelope(place));
      t.strictSame(after, before[index]);
    }
    t.match((await rewrap()).stdout, /^db1 +store +0 +1 +-$/m, 'done again, there is nothing to do');
  });

  await t.test('opens each copy, also in a folder of the run alone; and verify finds nothing', async (t) => {
    for (const words of [
      [],
      ['--here'],
      ['--from', 'export'],
      ['--from', 'offsite:contractor'],
      ['--from', world.at(EXPORT, run)],
    ]) {
      const { exitCode, stdout, stderr } = await test(words);
      t.equal(exitCode, 0, stdout + stderr);
      t.match(stdout, /^db1 .* auditor +opens$/m);
    }
    const verified = await world.task('verify', ['db1'], { inventory: inventoryFolder });
    t.equal(verified.exitCode, 0, verified.stdout);
    t.notMatch(verified.stdout, /nobody vouches/);
  });

  await t.test('restores, here and on the host that control orders to', async (t) => {
    const words = [
      'db1',
      '--key',
      world.at('auditor.pem'),
      '--passphrase-fd',
      '0',
      '--database',
      'crm',
      '--overwrite',
      'crm',
    ];
    const access = ['--defaults-file', world.adminOptions];
    const here = await world.task('restore', [...words, ...access], options);
    t.equal(here.exitCode, 0, here.stdout + here.stderr);
    const there = await world.task('restore', [...words, ...access, '--on', 'db1'], options);
    t.equal(there.exitCode, 0, there.stdout + there.stderr);
  });

  await t.test('is opened by hand with openssl, which is told the digest of the manifest', async (t) => {
    const script = `openssl pkeyutl -decrypt -inkey ${world.at('auditor.pem')} -passin pass:'${secret}' \
      -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 \
      -pkeyopt rsa_oaep_label:"$(sha256sum manifest.json | cut -c1-64)" -in ${envelope(STORE)} |
      { IFS= read -r KEY || :; printf %s "$KEY" | openssl enc -d -aes-256-cbc -md sha256 -pbkdf2 \
        -iter "$(sed 's/.*"iterations":\\([0-9]*\\).*/\\1/' manifest.json)" -pass stdin -in crm.tar.gz.enc; } | tar tz`;
    const opened = await runProgram('bash', ['-euo', 'pipefail', '-c', script.replace('-pass stdin', '-pass fd:0')], {
      cwd: world.at(STORE, run),
    });
    t.match(opened, { exitCode: 0, stdout: /^000001\.sql$/m }, opened.stderr);
  });

  await t.test('is worth nothing where it is damaged, or of another run', async (t) => {
    await whileDamaged(world.at(STORE, run, envelope(STORE)), flipped, async () => {
      const { exitCode, stdout } = await test(['--here', '--from', 'store']);
      t.equal(exitCode, 5);
      t.match(stdout, /it is damaged, or was made for another run/);
    });
    t.equal((await world.task('backup', [])).exitCode, 0);
    const newer = (await runsAt(world, STORE)).at(-1) ?? '';
    t.not(newer, run);
    cpSync(world.at(STORE, run, envelope(STORE)), world.at(STORE, newer, envelope(STORE)));
    t.match(await test(['--here', '--from', 'store']), { exitCode: 5, stdout: /made for another run/ });
    renameSync(world.at(STORE, newer, 'company.key.enc'), world.at('kept'));
    cpSync(world.at(STORE, run, 'company.key.enc'), world.at(STORE, newer, `company-${'0'.repeat(16)}.key.enc`));
    t.match(await keys('test', ['--here', '--from', 'store']), {
      exitCode: 5,
      stdout: /company\.key\.enc .*is missing/,
    });
    renameSync(world.at('kept'), world.at(STORE, newer, 'company.key.enc'));
  });

  await t.test('of one run, at one place; and what is missing is told', async (t) => {
    const newer = (await runsAt(world, EXPORT)).at(-1) ?? '';
    const only = await rewrap(['--run', newer, '--from', 'export']);
    t.equal(only.exitCode, 0);
    t.ok(existsSync(world.at(EXPORT, newer, envelope(EXPORT))));
    t.notOk(existsSync(world.at(OFFSITE, newer, envelope(EXPORT))));
    t.match(await keys('rewrap', []), { exitCode: 2, stderr: /--recipient NAME/ });
    t.match(await keys('rewrap', ['--recipient', 'nobody']), {
      exitCode: 2,
      stderr: /cannot find the recipient "nobody"/,
    });
    const stranger = await keys('rewrap', ['--recipient', 'escrow', '--recipient', 'auditor'], world.at('auditor.pem'));
    t.equal(stranger.exitCode, 8, 'the newer run at the offsite has no envelope for it');
    const path = join(inventoryFolder, 'hosts/db1.yaml');
    const text = readFileSync(path, 'utf8');
    const host = parse(text);
    host.offsite[0].port = 1;
    writeFileSync(path, stringify(host));
    const away = await rewrap();
    writeFileSync(path, text);
    t.equal(away.exitCode, 7);
    t.match(away.stdout, /^db1 offsite:contractor: cannot reach/m);
    t.equal((await rewrap()).exitCode, 0);
    t.ok(existsSync(world.at(OFFSITE, newer, envelope(EXPORT))));
  });
});
